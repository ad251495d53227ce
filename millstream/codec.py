"""Events to bytes and back.

The fast way decodes canonical JSON straight into the struct. What it refuses is read once more,
leniently: integer ids become decimal strings, RFC 3339 times become Unix seconds, and only what is
still wrong is an error, with the path of the wrong field.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from millstream.errors import InvalidEvent
from millstream.events import AnyEvent, Event, Interaction

_ID_FIELDS = {"event_id", "user_id", "item_id", "request_id"}
_TIME_FIELDS = {"event_time", "created_at"}
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}
_ENCODER = msgspec.json.Encoder()
_PATH = re.compile(r"^(?P<reason>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)


def encode(event: Event) -> bytes:
    """One event as JSON."""
    return _ENCODER.encode(event)


def decode(message: bytes, kind: Any = AnyEvent) -> Any:
    """One message as an event of `kind` (a struct, or a union of them).

    >>> decode(b'{"type":"interaction","event_id":1,"user_id":"u","item_id":7,"kind":"click",'
    ...        b'"event_time":"2026-01-01T00:00:00Z"}').item_id
    '7'

    Raises:
        InvalidEvent: not JSON, or not such an event.
    """
    try:
        return _checked(_decoder(kind).decode(message))
    except msgspec.ValidationError:
        return from_object(_parsed(message), kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent(f"Expected an event as JSON. Received: {error}") from error


def from_object(value: Any, kind: Any = AnyEvent) -> Any:
    """A parsed JSON value as an event of `kind`.

    Raises:
        InvalidEvent: it is not such an event.
    """
    try:
        return _checked(msgspec.convert(_lenient(value), kind))
    except msgspec.ValidationError as error:
        raise _invalid(error) from error


def with_defaults(value: Any, event_id: str, now_s: float) -> Any:
    """`value` with `event_id` and `event_time` filled in where a producer left them out."""
    if not isinstance(value, Mapping):
        return value
    return {"event_id": event_id, "event_time": now_s, **value}


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    return _DECODERS[kind]


def _parsed(message: bytes) -> Any:
    try:
        return msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent(f"Expected an event as JSON. Received: {error}") from error


def lacks_rating(event: Interaction) -> bool:
    """Whether it is a rating without a number, which is no event."""
    return event.kind == "rating" and event.value is None


def _checked(event: Any) -> Any:
    if isinstance(event, Interaction) and lacks_rating(event):
        raise InvalidEvent("Expected a number for a rating. Received: null", "$.value")
    return event


def _lenient(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    fixed = dict(value)
    for name in fixed.keys() & _ID_FIELDS:
        fixed[name] = _id_text(fixed[name])
    for name in fixed.keys() & _TIME_FIELDS:
        fixed[name] = _unix_seconds(fixed[name], f"$.{name}")
    if isinstance(fixed.get("items"), list):
        fixed["items"] = [_lenient(item) for item in fixed["items"]]
    return fixed


def _id_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _unix_seconds(value: Any, path: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise InvalidEvent(
            f"Expected Unix seconds or an RFC 3339 time. Received: {value!r}", path
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _invalid(error: msgspec.ValidationError) -> InvalidEvent:
    found = _PATH.match(str(error))
    reason, path = (found["reason"], found["path"]) if found else (str(error), None)
    return InvalidEvent(reason, path or "$")
