"""What one door lets in, the stream works on, and what it makes of it fits into messages."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.validation import check, event_of
from millstream.codec import encode, from_object
from millstream.errors import InvalidEvent
from millstream.events import MAX_EVENT_BYTES, AnyEvent, Impression, ShownItem, UserUpsert
from stream.ingest.records import EventRecord
from stream.outputs.messages import MAX_MESSAGE_BYTES, messages
from tests.support.stream_cases import (
    START,
    MemoryStream,
    entry,
    impression,
    interaction,
    item_upsert,
)
from tests.support.vocabulary import events, impressions

slow = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def published(*taken):
    """Everything that a stream makes of some events, also when the windows of lists close."""
    stream = MemoryStream(sampled_negatives=50)
    stream.run(*(item_upsert(-1, f"known-{n}") for n in range(30)), now=0)
    batches = [stream.run(*taken, now=1), stream.fall_silent(now=10_000)]
    return [message for effects in batches for message in messages(effects)]


def let_in(event):
    """Whether the check lets an event of the vocabulary in; only its size can be against it."""
    if len(encode(event)) <= MAX_EVENT_BYTES:
        check(event, START)
        return True
    with pytest.raises(InvalidEvent, match="bytes as JSON"):
        check(event, START)
    return False


@slow
@given(st.lists(events, min_size=1, max_size=4))
def test_what_the_check_accepts_the_stream_accepts_and_publishes(offered):
    taken = [event for event in offered if let_in(event)]
    assert all(isinstance(entry(event, now_s=START), EventRecord) for event in taken)
    found = published(*taken)
    assert "dead-letters" not in {message.topic.name for message in found}
    assert max((len(message.value) for message in found), default=0) <= MAX_MESSAGE_BYTES


@slow
@given(events)
def test_what_the_api_accepts_as_an_object_it_accepts_as_an_event(event):
    if len(encode(event)) <= MAX_EVENT_BYTES:
        assert event_of(msgspec.json.decode(encode(event)), AnyEvent, START) == event


def widest(name: str, count: int) -> str:
    """A text of `count` characters that does not compress."""
    state, found = sum(map(ord, name)) + 1, []
    for _ in range(count):
        state = state * 6_364_136_223_846_793_005 % 2**64
        found.append(chr(0x4E00 + (state >> 40) % 20_000))
    return "".join(found)


WIDE_USER = {
    "user_recent_items": [widest(f"item {n}", 256) for n in range(20)],
    "user_categories": [widest(f"category {n}", 128) for n in range(8)],
    "user_occupation": widest("occupation", 256),
    "user_gender": widest("gender", 256),
}


@pytest.mark.parametrize("count", [1, 100, 1_000])
def test_the_largest_user_fits_into_the_rows_of_every_list(count):
    shown = [ShownItem(item_id=f"i{n}", position=n, score=0.5) for n in range(count)]
    event = impression(0, user_features=WIDE_USER)
    event = Impression(**{**msgspec.structs.asdict(event), "items": shown})
    check(event, START)
    found = published(event)
    assert {message.topic.name for message in found} == {"examples"}
    assert all(len(message.value) <= MAX_MESSAGE_BYTES for message in found)


def test_the_largest_user_and_items_fit_into_the_rows_of_a_click():
    items = [
        item_upsert(
            0,
            widest(f"id {n}", 256),
            event_id=f"item {n}",
            title=widest(f"title {n}", 1_000),
            categories=[widest(f"category {n} {k}", 128) for k in range(6)],
        )
        for n in range(40)
    ]
    user = widest("user", 256)
    account = UserUpsert(
        event_id="account",
        event_time=START,
        user_id=user,
        attributes={"occupation": widest("o", 256), "gender": widest("g", 256)},
    )
    clicks = [
        interaction(1 + n, user, item.item_id, event_id=f"click {n}")
        for n, item in enumerate(items)
    ]
    stream = MemoryStream(sampled_negatives=50)
    for batch in (items, [account], clicks):
        for event in batch:
            check(event, START + 100)
        found = messages(stream.run(*batch, now=100))
        assert all(len(message.value) <= MAX_MESSAGE_BYTES for message in found)
        assert "dead-letters" not in {message.topic.name for message in found}


BAD_NUMBERS = ["nan", "inf", "-inf", "1e400", "1e39", float("nan"), float("inf"), 1e39]


@pytest.mark.parametrize("value", BAD_NUMBERS)
@pytest.mark.parametrize(
    ("whole", "path"),
    [
        ({"type": "item", "item_id": "a"}, "$.attributes.release_year"),
        ({"type": "user", "user_id": "a"}, "$.attributes.age"),
    ],
)
def test_an_attribute_that_a_float32_cannot_hold_is_refused_at_its_path(whole, path, value):
    event = {"event_id": "e", "event_time": START, "attributes": {path.rpartition(".")[2]: value}}
    with pytest.raises(InvalidEvent) as caught:
        event_of({**whole, **event}, AnyEvent, START)
    assert caught.value.path == path


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e39])
def test_so_are_the_value_of_an_interaction_and_the_score_of_an_item(value):
    click = msgspec.to_builtins(interaction(0, kind="rating"))
    shown = msgspec.to_builtins(impression(0))
    shown["items"][1]["score"] = value
    for whole, path in (({**click, "value": value}, "$.value"), (shown, "$.items[1].score")):
        with pytest.raises(InvalidEvent) as caught:
            from_object(whole)
        assert caught.value.path == path


@slow
@given(impressions, st.sampled_from(BAD_NUMBERS))
def test_a_logged_feature_that_a_float32_cannot_hold_is_refused_at_its_path(event, value):
    item = msgspec.structs.replace(event.items[-1], features={"item_popularity": value})
    bad = msgspec.structs.replace(event, items=[*event.items[:-1], item])
    with pytest.raises(InvalidEvent) as caught:
        check(bad, START)
    assert caught.value.path == f"$.items[{len(event.items) - 1}].features.item_popularity"
