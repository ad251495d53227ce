"""One check of an event, used at every door."""

import math
from typing import Any

from features.attributes import item_version, user_version
from millstream.errors import InvalidEvent
from millstream.events import Event, Interaction, ItemUpsert, UserUpsert

MAX_FUTURE_S = 3_600.0


def check(event: Event, now_s: float) -> None:
    """Raise what makes an event one that the stream refuses.

    Raises:
        InvalidEvent: with the path of the field.
    """
    if event.event_time > now_s + MAX_FUTURE_S:
        raise InvalidEvent(
            f"Expected a time not in the future. Received: {event.event_time}", "$.event_time"
        )
    if isinstance(event, Interaction):
        _finite(event.value, "$.value")
    elif isinstance(event, ItemUpsert):
        _all_finite(item_version(event).values)
    elif isinstance(event, UserUpsert):
        _all_finite(user_version(event).values)


def _all_finite(values: dict[str, Any]) -> None:
    for name, value in values.items():
        _finite(value, f"$.attributes.{name.partition('_')[2]}")


def _finite(value: Any, path: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidEvent(f"Expected a finite number. Received: {value}", path)
