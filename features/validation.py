"""One check at every door: what an event must be, beyond its form, to be worked on.

The HTTP API, `millstream publish` and the stream call `check` on every event, so that whatever one
of them accepts is never refused for its content by another. `millstream.codec` has checked the form
before: the types, lengths and ranges that `millstream.events` states.
"""

from typing import Any

from features.attributes import coerced, item_version, user_version
from features.spec import BY_NAME
from millstream.errors import InvalidEvent
from millstream.events import AnyEvent, Impression, ItemUpsert, UserUpsert

# A time further ahead would close every window and stop every decay.
MAX_FUTURE_S = 3_600.0

# Ids of what probes touch begin with this: they never meet those of people and of the catalogue.
PROBE_PREFIX = "__probe"


def check(event: AnyEvent, now_s: float) -> None:
    """Raise where the stream would refuse `event` for its content.

    Args:
        now_s: Unix seconds, by the clock.

    Raises:
        InvalidEvent: with the path of what is wrong.
    """
    check_time(event.event_time, now_s)
    check_probe(event)
    if isinstance(event, ItemUpsert):
        item_version(event)
    elif isinstance(event, UserUpsert):
        user_version(event)
    elif isinstance(event, Impression):
        _check_logged(event)


def check_time(event_time: float, now_s: float) -> None:
    """Raise where a time is too far ahead."""
    if not event_time <= now_s + MAX_FUTURE_S:
        raise InvalidEvent(
            f"Expected a time no more than {MAX_FUTURE_S:g} seconds ahead of {now_s:.3f}. "
            f"Received: {event_time!r}",
            "$.event_time",
        )


def check_probe(event: AnyEvent) -> None:
    """Raise where an id is a probe's and the event is not, or the reverse."""
    for name in ("user_id", "item_id"):
        value = getattr(event, name, None)
        if value is not None and value.startswith(PROBE_PREFIX) != event.is_probe:
            raise InvalidEvent(
                f"Expected an id that begins with {PROBE_PREFIX!r} for a probe, and for nothing "
                f"else. Received: {value!r}",
                f"$.{name}",
            )


def _check_logged(impression: Impression) -> None:
    _check_features(impression.user_features, "$.user_features")
    for index, item in enumerate(impression.items):
        _check_features(item.features, f"$.items[{index}].features")


def _check_features(values: dict[str, Any], path: str) -> None:
    for name, value in values.items():
        if name in BY_NAME and value is not None:
            coerced(BY_NAME[name], value, f"{path}.{name}")
