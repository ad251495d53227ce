"""Sessions: visitors without an account are users under the name of their session.

An event of a person needs a user. One that has only a `session_id` is that of the user
`session:<session_id>`; one that has neither, but names the list that it came from, is that of the
visitor to whom that list was shown. So features, seen items and labels of a session are made, kept
and erased as those of users are. Where both are given the user counts, and the session is context.
"""

from collections.abc import Mapping
from typing import Any

_PREFIX = "session:"
_OF_PEOPLE = (None, "interaction", "impression")


def session_user(session_id: str) -> str:
    """The user id of a session.

    >>> session_user("abc")
    'session:abc'
    """
    return f"{_PREFIX}{session_id}"


def merged_key(topic_prefix: str, user_id: str) -> str:
    """The Redis key of sessions that are merged into a user (`serving/merged_sessions.py`).

    >>> merged_key("shop.", "ann")
    'shop.merged:ann'
    """
    return f"{topic_prefix}merged:{user_id}"


def with_user(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as JSON, whose user is its session where it has no other.

    >>> with_user({"session_id": "abc", "item_id": "i"})
    {'item_id': 'i', 'user_id': 'session:abc'}
    >>> with_user({"session_id": "abc", "user_id": "ann"})
    {'user_id': 'ann', 'context': {'session_id': 'abc'}}
    >>> with_user({"request_id": "r", "item_id": "i"})["user_id"]
    'session:r'
    """
    found = dict(event)
    if event.get("type") not in _OF_PEOPLE or not (event.keys() & {"session_id", "request_id"}):
        return found
    session = found.get("session_id")
    if "session_id" in found and not _is_id(session):
        return found
    found.pop("session_id", None)
    if "user_id" in found:
        context = found.get("context", {})
        if session is not None and isinstance(context, Mapping):
            found["context"] = {"session_id": session, **context}
    elif (visitor := session or found.get("request_id")) and _is_id(visitor):
        found["user_id"] = session_user(visitor)
    return found


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
