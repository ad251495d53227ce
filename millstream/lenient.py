"""Lenient forms that producers may write beside the vocabulary's, and their limits.

Integer ids become decimal strings, RFC 3339 times become Unix seconds. Strings that UTF-8 cannot
hold (half an emoji) are refused with their path, keys too.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from millstream.errors import InvalidEvent, shown
from millstream.sessions import with_user

_ENCODER = msgspec.json.Encoder()
_ID_FIELDS = ("event_id", "user_id", "item_id", "request_id", "session_id")
_TIME_FIELDS = ("event_time", "created_at")
LATEST_S = 4_102_444_800.0  # 2100
_UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))
_LEAP_SECOND = re.compile(r"(?<=:59):60(?=\D|$)")


def lenient(value: Any) -> Any:
    """`value`, which JSON was parsed to, as the vocabulary says it.

    Raises:
        InvalidEvent: a time cannot be read.
    """
    if not isinstance(value, Mapping):
        return value
    fixed = dict(value)
    for name in _ID_FIELDS:
        if name in fixed:
            fixed[name] = _id_text(fixed[name])
    for name in _TIME_FIELDS:
        if name in fixed:
            fixed[name] = unix_seconds(fixed[name], f"$.{name}")
    if isinstance(fixed.get("items"), list):
        fixed["items"] = [_with_id_texts(item) for item in fixed["items"]]
    return with_user(fixed)


def unix_seconds(value: Any, path: str = "$") -> Any:
    """A time as Unix seconds: RFC 3339 is read, a number stays; what is neither is left as it is.

    A leap second, `23:59:60`, is the first second of the next minute, as in Unix time.

    >>> unix_seconds("1970-01-01t00:01:00z"), unix_seconds("2016-12-31T23:59:60Z")
    (60.0, 1483228800.0)

    Raises:
        InvalidEvent: a text is no time; a number looks like milliseconds.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _plausible(value, path)
    if not isinstance(value, str):
        return value
    text, leap_s = _LEAP_SECOND.subn(":59", value[:100].strip().upper())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidEvent(
            f"Expected Unix seconds or an RFC 3339 time. Received: {shown(value)}", path
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() + leap_s


def encoded(event: msgspec.Struct) -> bytes:
    """`event` as JSON.

    Raises:
        InvalidEvent: a string, or a key, is not one that UTF-8 can hold; with its path.
    """
    try:
        return _ENCODER.encode(event)
    except UnicodeEncodeError as error:
        path = next(_broken(msgspec.structs.asdict(event), "$"), "$")
        raise InvalidEvent(f"Expected Unicode text. Received: {error.reason}", path) from error
    except Exception as error:
        raise InvalidEvent(f"Expected an event. Received: {error!r}") from error


def _with_id_texts(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: _id_text(each) if name in _ID_FIELDS else each for name, each in value.items()}


def _id_text(value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    return str(value) if -(2**63) <= value < 2**64 else value


def _plausible(value: float, path: str) -> float:
    if value <= LATEST_S:
        return value
    unit = next((unit for per_s, unit in _UNITS if LATEST_S < value <= LATEST_S * per_s), "")
    if unit:
        raise InvalidEvent(
            f"Expected a time in seconds since 1970, up to {LATEST_S:.0f}; this looks like "
            f"{unit}. Received: {value!r}",
            path,
        )
    return value


def _broken(value: Any, path: str) -> Iterator[str]:
    """The paths of texts that UTF-8 cannot hold."""
    if isinstance(value, str):
        if not _is_text(value):
            yield path
    elif isinstance(value, msgspec.Struct):
        yield from _broken(msgspec.structs.asdict(value), path)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if not _is_text(key):
                yield f"{path}.{key}"
            yield from _broken(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from _broken(each, f"{path}[{place}]")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
