"""What the codec takes, what it refuses, and what it says."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.codec import decode, encode, from_object, with_defaults
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ItemUpsert, ShownItem, UserUpsert

TIME = 1_700_000_000.0

ids = st.text(min_size=1, max_size=256)
times = st.floats(946_684_800.0, 4_102_444_800.0)
attributes = st.dictionaries(st.text(), st.text() | st.floats(-1e9, 1e9))
interactions = st.builds(
    Interaction,
    event_id=ids,
    event_time=times,
    user_id=ids,
    item_id=ids,
    kind=st.sampled_from(["view", "click", "rating"]),
    value=st.floats(-1e9, 1e9),
    request_id=st.none() | ids,
    position=st.none() | st.integers(0, 10_000),
    context=st.dictionaries(st.text(), st.text()),
)
shown = st.builds(ShownItem, item_id=ids, position=st.integers(0, 99), score=st.floats(-9, 9))
impressions = st.builds(
    Impression,
    event_id=ids,
    event_time=times,
    request_id=ids,
    user_id=ids,
    items=st.lists(shown, min_size=1, max_size=5),
)
items = st.builds(ItemUpsert, event_id=ids, event_time=times, item_id=ids, attributes=attributes)
users = st.builds(UserUpsert, event_id=ids, event_time=times, user_id=ids, attributes=attributes)


@given(interactions | impressions | items | users)
def test_every_event_comes_back_as_it_was_sent(event):
    assert decode(encode(event)) == event


def message(**changes):
    whole = {
        "type": "interaction",
        "event_id": "e1",
        "event_time": TIME,
        "user_id": "u1",
        "item_id": "i1",
        "kind": "click",
    }
    return msgspec.json.encode({**whole, **changes})


def test_integer_ids_become_decimal_strings():
    event = decode(message(user_id=7, item_id=0, event_id=12))
    assert (event.user_id, event.item_id, event.event_id) == ("7", "0", "12")


def test_integer_ids_inside_a_list_become_decimal_strings():
    raw = {
        "type": "impression",
        "event_id": 1,
        "request_id": 2,
        "user_id": 3,
        "event_time": TIME,
        "items": [{"item_id": 4, "position": 0, "score": 0.5}],
    }
    assert from_object(raw).items[0].item_id == "4"


@pytest.mark.parametrize(
    "text", ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20"]
)
def test_rfc_3339_times_are_read_as_utc_seconds(text):
    assert decode(message(event_time=text)).event_time == TIME


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"user_id": ""}, "$.user_id", "length >= 1"),
        ({"user_id": "x" * 257}, "$.user_id", "length <= 256"),
        ({"user_id": True}, "$.user_id", "Expected `str`, got `bool`"),
        ({"kind": "stare"}, "$.kind", "Invalid enum value 'stare'"),
        ({"kind": "rating"}, "$.value", "Expected a number for a rating"),
        ({"event_time": 1_700_000_000_000}, "$.event_time", "milliseconds"),
        ({"event_time": "yesterday"}, "$.event_time", "Received: 'yesterday'"),
        ({"type": "click"}, "$.type", "Invalid value 'click'"),
        ({"schema_version": 99}, "$.schema_version", "<= 1"),
        ({"position": -1}, "$.position", ">= 0"),
        ({"context": {"page": 3}}, "$.context.page", "Expected `str`, got `int`"),
    ],
)
def test_an_error_names_the_field_and_what_came(changes, path, reason):
    with pytest.raises(InvalidEvent) as caught:
        decode(message(**changes))
    assert caught.value.path == path
    assert reason in caught.value.reason


def test_an_error_inside_a_list_names_the_place():
    raw = {
        "type": "impression",
        "event_id": "e",
        "request_id": "r",
        "user_id": "u",
        "event_time": TIME,
        "items": [
            {"item_id": "a", "position": 0, "score": 1.0},
            {"item_id": "", "position": 1, "score": 1.0},
        ],
    }
    with pytest.raises(InvalidEvent) as caught:
        from_object(raw)
    assert caught.value.path == "$.items[1].item_id"


@pytest.mark.parametrize("junk", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"text"', b"NaN"])
def test_what_is_not_an_event_is_refused_and_never_crashes(junk):
    with pytest.raises(InvalidEvent):
        decode(junk)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_with_our_own_error(junk):
    with pytest.raises(InvalidEvent):
        decode(junk)


def test_a_missing_id_and_time_are_filled_in_but_never_replaced():
    assert with_defaults({"event_id": "mine"}, "other", TIME) == {
        "event_id": "mine",
        "event_time": TIME,
    }
    assert with_defaults([1], "other", TIME) == [1]


def test_decoding_for_one_kind_refuses_the_others():
    raw = encode(UserUpsert(event_id="e", event_time=TIME, user_id="u"))
    with pytest.raises(InvalidEvent, match=r"Invalid value 'user' - at `\$.type`"):
        decode(raw, Interaction)
