"""Visitors without an account: whose event it is, by every door."""

import msgspec
import pytest

from millstream.codec import decode, from_object
from millstream.errors import InvalidEvent
from millstream.events import AnyEvent, Impression, Interaction

CLICK = {"type": "interaction", "event_id": "e", "event_time": 5.0, "item_id": "i", "kind": "click"}


@pytest.mark.parametrize(
    ("given", "user", "context"),
    [
        ({"session_id": "abc"}, "session:abc", {}),
        ({"session_id": 7}, "session:7", {}),
        ({"session_id": "abc", "request_id": "r"}, "session:abc", {}),
        ({"request_id": "r"}, "session:r", {}),
        ({"user_id": "ann", "session_id": "abc"}, "ann", {"session_id": "abc"}),
        ({"user_id": "ann", "request_id": "r"}, "ann", {}),
    ],
)
def test_an_event_is_its_users_or_its_sessions_or_that_of_who_was_shown_the_list(
    given, user, context
):
    event = from_object({**CLICK, **given}, AnyEvent)
    assert (event.user_id, event.context) == (user, context)
    assert decode(msgspec.json.encode({**CLICK, **given}), Interaction) == event


@pytest.mark.parametrize("given", [{}, {"session_id": ""}, {"session_id": None}])
def test_an_event_of_nobody_is_refused(given):
    with pytest.raises(InvalidEvent):
        from_object({**CLICK, **given}, AnyEvent)


def test_a_list_that_was_shown_may_be_a_sessions_and_an_item_is_nobodys():
    shown = {"item_id": "i", "position": 0, "score": 1.0}
    rest = {"event_id": "e", "event_time": 5.0, "request_id": "r", "items": [shown]}
    event = from_object({"type": "impression", "session_id": "abc", **rest}, AnyEvent)
    assert isinstance(event, Impression) and event.user_id == "session:abc"
    item = {"type": "item", "event_id": "e", "event_time": 5.0, "item_id": "i"}
    with pytest.raises(InvalidEvent, match="session_id"):
        from_object({**item, "session_id": "abc"}, AnyEvent)
