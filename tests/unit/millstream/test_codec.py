"""What the codec takes, what it refuses, and what it says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.codec import decode, encode, from_object, record_defaults, with_defaults
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ItemUpsert, ShownItem, UserUpsert

TIME = 1_700_000_000.0

ids = st.text(min_size=1, max_size=256)
times = st.floats(946_684_800.0, 4_102_444_800.0)
attributes = st.dictionaries(
    st.text(max_size=128), st.text(max_size=1_000) | st.floats(-1e9, 1e9), max_size=100
)
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
    context=st.dictionaries(st.text(max_size=128), st.text(max_size=1_000), max_size=50),
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
    return json.dumps({**whole, **changes}).encode()


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
    ("text", "seconds"),
    [
        ("2026-01-01T00:00:00z", 1_767_225_600.0),
        ("2026-01-01t00:00:00Z", 1_767_225_600.0),
        ("2026-01-01 00:00:00Z", 1_767_225_600.0),
        ("2016-12-31T23:59:60Z", 1_483_228_800.0),
        ("1990-12-31T15:59:60-08:00", 662_688_000.0),
        ("1985-04-12T23:20:50.52Z", 482_196_050.52),
        ("2026-01-01T00:00:00.123456789Z", 1_767_225_600.123456),
        ("1970-01-01T00:20:00+00:20", 0.0),
    ],
)
def test_every_form_that_rfc_3339_allows_is_read(text, seconds):
    assert decode(message(event_time=text)).event_time == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["2026-13-01T00:00:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:30:60Z", "now", ""]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InvalidEvent, match="RFC 3339") as caught:
        decode(message(event_time=text))
    assert caught.value.path == "$.event_time"


@pytest.mark.parametrize(
    ("time", "unit"),
    [
        (1_796_027_400_000, "milliseconds"),
        (1_796_027_400_000.5, "milliseconds"),
        (1_796_027_400_000_000, "microseconds"),
        (1_796_027_400_000_000_000, "nanoseconds"),
    ],
)
def test_a_time_in_another_unit_is_refused_with_both_units_and_the_value(time, unit):
    with pytest.raises(InvalidEvent) as caught:
        decode(message(event_time=time))
    assert caught.value.path == "$.event_time"
    for part in ("seconds since 1970", unit, str(time)):
        assert part in caught.value.reason


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"user_id": ""}, "$.user_id", "length >= 1"),
        ({"user_id": "x" * 257}, "$.user_id", "length <= 256"),
        ({"user_id": True}, "$.user_id", "Expected `str`, got `bool`"),
        ({"kind": "stare"}, "$.kind", "Expected one of the kinds view, click, like"),
        ({"kind": "rating"}, "$.value", "Expected a number (stars, 1 to 5) for kind 'rating'"),
        ({"event_time": 1_700_000_000_000}, "$.event_time", "milliseconds"),
        ({"event_time": "yesterday"}, "$.event_time", "Received: 'yesterday'"),
        ({"type": "click"}, "$.type", "Invalid value 'click'"),
        ({"value": 1e39}, "$.value", "<= 3.4028"),
        ({"event_time": 10**400}, "$.event_time", "out of range"),
        ({"context": {"page": "x" * 1_001}}, "$.context.page", "length <= 1000"),
        ({"context": {"x" * 129: ""}}, "$.context", "length <= 128"),
        ({"context": {str(n): "" for n in range(51)}}, "$.context", "length <= 50"),
        ({"knid": "view"}, "$.knid", "did you mean `kind`"),
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


@pytest.mark.parametrize(
    ("whole", "path"),
    [
        (rb'"user_id":"\ud83d"', "$.user_id"),
        (rb'"context":{"device":"phone \ud83d"}', "$.context.device"),
        (rb'"context":{"\udc00":"phone"}', r"$.context.\udc00"),
        (rb'"value":NaN', "$.value"),
        (rb'"value":-Infinity', "$.value"),
    ],
)
def test_what_python_s_own_parser_would_take_is_refused_with_its_path(whole, path):
    with pytest.raises(InvalidEvent) as caught:
        decode(message()[:-1] + b"," + whole + b"}")
    assert caught.value.path == path


def test_unknown_fields_are_named_together_also_those_inside_a_list():
    raw = {
        "type": "impression",
        "event_id": "e",
        "request_id": "r",
        "user_id": "u",
        "event_time": TIME,
        "modelversion": "7",
        "items": [{"item_id": "a", "positon": 0, "position": 0, "score": 1.0}],
    }
    with pytest.raises(InvalidEvent) as caught:
        from_object(raw)
    assert caught.value.path == "$.modelversion"
    for part in ("$.modelversion", "model_version", "$.items[0].positon", "position"):
        assert f"`{part}`" in caught.value.reason
    named: list[str] = []
    event = from_object(raw, on_unknown=named.extend)
    assert named == ["$.modelversion", "$.items[0].positon"]
    assert event.items == [ShownItem(item_id="a", position=0, score=1.0)]


@pytest.mark.parametrize("field", ["kind", "event_time", "user_id", "position", "unknown"])
def test_no_error_quotes_a_value_in_full(field):
    for value in ("x" * 480_000, ["y" * 480_000], {"z" * 480_000: 1}):
        with pytest.raises(InvalidEvent) as caught:
            decode(message(**{field: value}))
        assert len(str(caught.value)) <= 1_400
        assert len(caught.value.path) <= 300


def test_a_quoted_value_cannot_forge_the_path():
    with pytest.raises(InvalidEvent) as caught:
        decode(message(kind="x - at `$.user_id`"))
    assert caught.value.path == "$.kind"


def test_a_record_s_defaults_are_those_of_its_place_and_fill_only_what_is_missing():
    missing = record_defaults("items", 2, 7, TIME)
    raw = b'{"item_id":"a"}'
    event = decode(raw, ItemUpsert, missing)
    assert (event.event_id, event.event_time) == ("items:2:7", TIME)
    own = decode(b'{"item_id":"a","event_id":"mine"}', ItemUpsert, missing)
    assert (own.event_id, own.event_time) == ("mine", TIME)
    assert record_defaults("items", 2, 7, -0.001)["event_time"] == 0.0


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
