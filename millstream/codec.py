"""Events to bytes and back.

The fast way decodes canonical JSON straight into the struct. What it refuses is read once more,
leniently (`millstream/lenient.py`): integer ids become decimal strings, RFC 3339 times become Unix
seconds, what may be missing is filled in, and only what is still wrong is an error, with the path
of the wrong field. Whatever the bytes are, nothing but `InvalidEvent` is raised.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from millstream.domain import domain
from millstream.errors import InvalidEvent, shown
from millstream.events import KINDS, AnyEvent, Event, Interaction
from millstream.lenient import encoded, lenient
from millstream.unknown_fields import meant, unknown_fields, without

OnUnknown = Callable[[list[str]], object]

_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}
_ENCODER = msgspec.json.Encoder()
# Entries of a map that are looked at to find the one that is wrong.
_MOST_TRIALS = 200
_NEED_VALUES = frozenset(name for name, kind in domain().kinds.items() if kind.needs_value)


def encode(event: Event) -> bytes:
    """One event as JSON."""
    return _ENCODER.encode(event)


def decode(
    message: bytes,
    kind: Any = AnyEvent,
    missing: Mapping[str, Any] | None = None,
    on_unknown: OnUnknown | None = None,
) -> Any:
    """One message as an event of `kind` (a struct, or a union of them).

    >>> decode(b'{"type":"interaction","event_id":1,"user_id":"u","item_id":7,"kind":"click",'
    ...        b'"event_time":"2026-01-01T00:00:00Z"}').item_id
    '7'

    Args:
        missing: values of fields that the message may lack, such as `record_defaults` gives.
        on_unknown: takes the paths of fields that are not of the vocabulary, which are then left
            out; None makes them an error.

    Raises:
        InvalidEvent: not JSON, or not such an event.
    """
    try:
        return _checked(_decoder(kind).decode(message))
    except Exception:  # whatever it is, the second look says what is wrong, and where
        value = parsed(message)
    if missing and isinstance(value, Mapping):
        value = {**missing, **value}
    return from_object(value, kind, on_unknown)


def parsed(message: bytes) -> Any:
    """JSON as Python has it; NaN and half an emoji too, so that `from_object` can tell where.

    Raises:
        InvalidEvent: it is not JSON.
    """
    try:
        return msgspec.json.decode(message)
    except Exception as error:  # beside its own errors RecursionError and MemoryError
        try:
            return json.loads(message)
        except Exception:
            raise InvalidEvent(f"Expected an event as JSON. Received: {error}") from error


def from_object(value: Any, kind: Any = AnyEvent, on_unknown: OnUnknown | None = None) -> Any:
    """A parsed JSON value as an event of `kind`; `on_unknown` as in `decode`.

    Raises:
        InvalidEvent: it is not such an event.
    """
    return with_bytes(value, kind, on_unknown)[0]


def with_bytes(
    value: Any, kind: Any = AnyEvent, on_unknown: OnUnknown | None = None
) -> tuple[Any, bytes]:
    """`from_object`, and the event as JSON: a text that cannot be sent is found by writing it.

    Raises:
        InvalidEvent: it is not such an event.
    """
    fixed = lenient(value)
    try:
        event = msgspec.convert(fixed, kind)
    except Exception:  # `_converted` says what is wrong, and where
        event = _converted(_known(fixed, kind, on_unknown), kind)
    return event, encoded(_checked(event))


def unknown_error(unknown: Mapping[str, str | None]) -> InvalidEvent:
    """The error for fields that nothing takes, by path, and what each may be meant for."""
    named = [
        f"`{path}`" + (f" (did you mean `{near}`?)" if near else "")
        for path, near in unknown.items()
    ]
    return InvalidEvent(
        f"Expected no fields but those of the vocabulary. Received: {', '.join(named)}",
        next(iter(unknown)),
    )


def with_defaults(value: Any, event_id: str, now_s: float) -> Any:
    """`value` with `event_id` and `event_time` filled in where a producer left them out."""
    if not isinstance(value, Mapping):
        return value
    return {"event_id": event_id, "event_time": now_s, **value}


def record_defaults(
    topic: str, partition: int, offset: int, timestamp_s: float
) -> dict[str, str | float]:
    """Defaults of a Kafka record: an id made of its place, and the record's time.

    Every reader gives the same record the same id, so that it counts once.

    Args:
        topic: without the installation's prefix.
        timestamp_s: the record's, Unix seconds; below 0 where it has none.
    """
    return {
        "event_id": f"{topic}:{partition}:{offset}",
        "event_time": max(timestamp_s, 0.0),
    }


def lacks_value(event: Interaction) -> bool:
    """True if it is of a kind whose label is by its value, and has none: then it is no event."""
    return event.value is None and event.kind in _NEED_VALUES


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    return _DECODERS[kind]


def _checked(event: Any) -> Any:
    if isinstance(event, Interaction) and lacks_value(event):
        unit = domain().kinds[event.kind].value
        raise InvalidEvent(
            f"Expected a number{f' ({unit})' if unit else ''} for kind {event.kind!r}. "
            "Received: null",
            "$.value",
        )
    return event


def _known(value: Any, kind: Any, on_unknown: OnUnknown | None) -> Any:
    """`value` without the fields that the vocabulary does not have, or the error for them."""
    unknown = unknown_fields(value, kind)
    if not unknown:
        return value
    if on_unknown is None:
        raise unknown_error(unknown)
    on_unknown(list(unknown))
    return without(value, kind)


def _converted(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        reason, path = _parts(error)
        if path == "$.kind" and isinstance(value.get("kind"), str):
            reason = _no_kind(value["kind"])
        raise InvalidEvent(reason, _entry(path, value, kind)) from error
    except Exception as error:
        raise InvalidEvent(f"Expected an event. Received: {error!r}") from error


def _parts(error: msgspec.ValidationError) -> tuple[str, str]:
    """The reason and the path; a value that is quoted in the reason cannot forge the path."""
    reason, _, path = str(error).rpartition(" - at `")
    if not reason:
        return path, "$"
    if not path.startswith("$"):  # of a key: "key` in `$.context`"
        path = path.rpartition("`$")[2].join(("$", ""))
    return reason, path.removesuffix("`")


def _no_kind(kind: str) -> str:
    """The reason for a kind that the domain does not have."""
    near = meant(kind, KINDS)
    hint = f" (did you mean `{near}`?)" if near else ""
    return f"Expected one of the kinds {', '.join(KINDS)}. Received: {shown(kind)}{hint}"


def _entry(path: str, value: Any, kind: Any) -> str:
    """`path` with the name of the entry where it only says that it is one: `$.context[...]`."""
    name, at_entry, rest = path.removeprefix("$.").partition("[...]")
    entries = value.get(name) if isinstance(value, Mapping) else None
    if not at_entry or not isinstance(entries, Mapping):
        return path
    for key in list(entries)[:_MOST_TRIALS]:
        try:
            msgspec.convert({**value, name: {key: entries[key]}}, kind)
        except Exception:
            return f"$.{name}.{key}{rest}"
    return path
