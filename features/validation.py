"""One check at every door: what an event must be, beyond its form, to be worked on.

The HTTP API, `millstream publish` and the stream call `check` on every event, so that whatever one
of them accepts is never refused for its content by another. `millstream.codec` has checked the form
before: the types, lengths and ranges that `millstream.events` states.
"""

from collections.abc import Mapping
from typing import Any

from features.attributes import coerced, item_version, user_version
from features.feature import Entity
from features.spec import BY_NAME, FEATURES, GROUPS, ITEM_ATTRIBUTES, USER_ATTRIBUTES, features_of
from millstream.codec import OnUnknown, unknown_error, with_bytes
from millstream.errors import InvalidEvent, shown
from millstream.events import (
    MAX_EVENT_BYTES,
    MAX_FLOAT32,
    AnyEvent,
    Impression,
    Interaction,
    ItemUpsert,
    UserUpsert,
)
from millstream.lenient import encoded
from millstream.unknown_fields import meant, unknown_fields, without

# A time further ahead would close every window and stop every decay.
MAX_FUTURE_S = 3_600.0

# Ids of what probes touch begin with this: they never meet those of people and of the catalogue.
PROBE_PREFIX = "__probe"

MAX_CATEGORIES = BY_NAME[GROUPS].length or 0

# The names that attributes of an upsert may have, by the upsert's tag.
ATTRIBUTES: dict[Entity, tuple[str, ...]] = {
    view.entity: tuple(f.name.removeprefix(f"{view.entity}_") for f in features_of(view))
    for view in (ITEM_ATTRIBUTES, USER_ATTRIBUTES)
}

_FLOAT32 = frozenset(feature.name for feature in FEATURES if feature.dtype == "float32")
_CHARACTERS = {f.name: f.max_characters for f in FEATURES if f.dtype == "string"}


def check(
    event: AnyEvent,
    now_s: float,
    max_event_bytes: int = MAX_EVENT_BYTES,
    on_unknown: OnUnknown | None = None,
) -> None:
    """Raise where the stream would refuse `event` for its content.

    Args:
        now_s: Unix seconds, by the clock.
        max_event_bytes: of the event as JSON.
        on_unknown: takes the paths of attributes that no feature takes; None makes them an error.

    Raises:
        InvalidEvent: with the path of what is wrong.
    """
    check_content(event, now_s, on_unknown)
    check_size(len(encoded(event)), max_event_bytes)


def check_content(event: AnyEvent, now_s: float, on_unknown: OnUnknown | None = None) -> None:
    """The same but for the size, for who has the bytes."""
    check_time(event.event_time, now_s)
    _check_probe(event)
    if isinstance(event, Interaction):
        return
    if isinstance(event, Impression):
        _check_logged(event)
        return
    unknown = unknown_attributes(event.attributes, event.__struct_config__.tag)
    if unknown and on_unknown is None:
        raise unknown_error(unknown)
    if unknown and on_unknown is not None:
        on_unknown(list(unknown))
    _check_upsert(event)


def event_of(
    value: Any,
    kind: Any,
    now_s: float,
    max_event_bytes: int = MAX_EVENT_BYTES,
    on_unknown: OnUnknown | None = None,
) -> Any:
    """A parsed JSON value as a checked event of `kind`: form and content in one.

    All fields and attributes that nothing takes are named together.

    Raises:
        InvalidEvent: with the path of what is wrong.
    """
    return event_and_bytes(value, kind, now_s, max_event_bytes, on_unknown)[0]


def event_and_bytes(
    value: Any,
    kind: Any,
    now_s: float,
    max_event_bytes: int = MAX_EVENT_BYTES,
    on_unknown: OnUnknown | None = None,
) -> tuple[Any, bytes]:
    """`event_of`, and the event as JSON, for who sends it on.

    Raises:
        InvalidEvent: with the path of what is wrong.
    """
    try:
        event, written = with_bytes(value, kind)
    except InvalidEvent:
        unknown = unknown_fields(value, kind)
        if not unknown:
            raise
        tag = "item" if kind is ItemUpsert else value.get("type")
        unknown |= unknown_attributes(value.get("attributes"), tag)
        if on_unknown is None:
            raise unknown_error(unknown) from None
        on_unknown(list(unknown))
        on_unknown = _heard
        event, written = with_bytes(without(value, kind), kind)
    check_content(event, now_s, on_unknown)
    check_size(len(written), max_event_bytes)
    return event, written


def unknown_attributes(attributes: Any, tag: Any) -> dict[str, str | None]:
    """The paths of attributes that no feature takes, each with the one that is meant."""
    names = ATTRIBUTES.get(tag)
    if names is None or not isinstance(attributes, Mapping):
        return {}
    unknown = [name for name in attributes if name not in names]
    return {f"$.attributes.{name}": meant(name, names) for name in unknown}


def check_size(size: int, max_event_bytes: int) -> None:
    """Raise where an event has too many bytes."""
    if size > max_event_bytes:
        raise InvalidEvent(
            f"Expected an event of at most {max_event_bytes:,} bytes as JSON. Received: {size:,}"
        )


def check_time(event_time: float, now_s: float) -> None:
    """Raise where a time is too far ahead."""
    if not event_time <= now_s + MAX_FUTURE_S:
        raise InvalidEvent(
            f"Expected a time no more than {MAX_FUTURE_S:g} seconds ahead of {now_s:.3f}. "
            f"Received: {event_time!r}",
            "$.event_time",
        )


def _check_probe(event: AnyEvent) -> None:
    for name in ("user_id", "item_id"):
        value = getattr(event, name, None)
        if value is not None and value.startswith(PROBE_PREFIX) != event.is_probe:
            raise InvalidEvent(
                f"Expected an id that begins with {PROBE_PREFIX!r} for a probe, and for nothing "
                f"else. Received: {shown(value)}",
                f"$.{name}",
            )


def _check_upsert(upsert: ItemUpsert | UserUpsert) -> None:
    if isinstance(upsert, UserUpsert):
        user_version(upsert)
        return
    if len(upsert.categories) > MAX_CATEGORIES:
        raise InvalidEvent(
            f"Expected at most {MAX_CATEGORIES} categories. Received: {len(upsert.categories)}",
            "$.categories",
        )
    item_version(upsert)


def _check_logged(impression: Impression) -> None:
    _check_features(impression.user_features, "$.user_features")
    for index, item in enumerate(impression.items):
        _check_features(item.features, f"$.items[{index}].features")


def _check_features(values: Mapping[str, Any], path: str) -> None:
    for name, value in values.items():
        kind = type(value)
        if kind is float and name in _FLOAT32 and -MAX_FLOAT32 <= value <= MAX_FLOAT32:
            continue  # most of them
        if kind is str and len(value) <= _CHARACTERS.get(name, 0):
            continue
        if name in BY_NAME and value is not None:
            coerced(BY_NAME[name], value, f"{path}.{name}")


def _heard(paths: list[str]) -> None:
    """Unknown attributes were named already."""
