import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.topic_events import Door
from features.validation import MAX_FUTURE_S
from millstream.codec import encode
from millstream.partitioning import Origin
from stream.ingest.decode import entries_of, event_of
from stream.ingest.records import (
    EventRecord,
    InvalidRecord,
    ItemDeletion,
    SourceRecord,
    TopicPartition,
    UserDeletion,
)
from stream.outputs.messages import MAX_MESSAGE_BYTES
from tests.support.stream_cases import (
    START,
    entry,
    event_entry,
    impression,
    interaction,
    record,
)


def mutated(place: int, junk: bytes) -> bytes:
    """A good event with some bytes of it replaced."""
    whole = encode(interaction(7))
    place %= len(whole)
    return whole[:place] + junk + whole[place + len(junk) :]


def refused(event, **options) -> InvalidRecord:
    found = entry(event, **options)
    assert isinstance(found, InvalidRecord)
    return found


def test_an_event_keeps_its_position_and_gets_a_fingerprint():
    found = event_entry(interaction(1), partition=3, offset=17)
    assert (found.source, found.offset) == (TopicPartition("interactions", 3), 17)
    assert (
        found.fingerprint
        == event_entry(interaction(1)).fingerprint
        != event_entry(interaction(2)).fingerprint
    )


def test_what_is_no_json_is_refused_as_a_whole():
    assert refused(b"{").path == "$"


def test_a_wrong_field_is_refused_with_its_path():
    whole = encode(interaction(1))
    assert refused(whole.replace(b'"click"', b'"jump"')).path == "$.kind"


def test_an_event_of_another_topic_s_kind_is_refused():
    other = record(impression(0))
    found = event_of(SourceRecord(TopicPartition("interactions", 0), 0, None, other.value), START)
    assert isinstance(found, InvalidRecord)


def test_a_time_far_ahead_of_the_clock_is_refused():
    assert refused(interaction(MAX_FUTURE_S + 1), now_s=START).path == "$.event_time"
    assert isinstance(entry(interaction(MAX_FUTURE_S), now_s=START), EventRecord)


def test_a_logged_feature_of_the_wrong_type_is_refused_with_its_path():
    shown = impression(0)
    shown.items[1].features["item_popularity"] = "much"
    assert refused(shown).path == "$.items[1].features.item_popularity"
    assert refused(impression(0, user_features={"user_age": []})).path == "$.user_features.user_age"


def test_a_feature_that_the_spec_does_not_know_is_let_through():
    assert isinstance(entry(impression(0, user_features={"shoe": [1]})), EventRecord)


@pytest.mark.parametrize(
    ("user", "item", "is_probe", "path"),
    [("__probe_user__", "i", False, "$.user_id"), ("__probe_user__", "i", True, "$.item_id")],
)
def test_probes_touch_ids_of_their_own_and_nobody_else_does(user, item, is_probe, path):
    assert refused(interaction(0, user, item, is_probe=is_probe)).path == path


def test_a_message_without_a_value_deletes_its_item():
    tombstone = SourceRecord(TopicPartition("items", 0), 5, b"i7", None, START)
    found = event_of(tombstone, START)
    assert isinstance(found, EventRecord)
    event = found.event
    assert (type(event), event.item_id, event.event_time) == (ItemDeletion, "i7", START)


def test_elsewhere_a_message_without_a_value_is_refused():
    assert "without a value" in refused(None).reason


def test_a_dead_letter_holds_the_original_bytes_and_where_they_came_from():
    letter = refused(b"\xff{", partition=2, offset=9).letter(START)
    assert letter.original == b"\xff{"
    assert (letter.topic, letter.partition, letter.offset) == ("interactions", 2, 9)
    assert (letter.key, letter.failed_at) == (b"key", START)


def test_many_records_are_what_they_are_one_by_one():
    records = [
        record(interaction(0, kind="view")),
        record(interaction(1, kind="rating", value=4.0), offset=1),
        record(
            b'{"type":"interaction","event_id":1,"user_id":2,"item_id":3,"kind":"rating",'
            b'"event_time":1}',
            offset=2,
        ),
        record(interaction(2, "__probe_user", is_probe=True), offset=3),
        record(interaction(3, "__probe_user"), offset=4),
        record(interaction(1e9), offset=5),
        record(b"\xff{", offset=6),
        record(None, offset=7),
        record(impression(0)),
    ]
    one_by_one = [event_of(each, START) for each in records]
    assert entries_of(records, START) == one_by_one


GOOD = [record(interaction(n, f"u{n}"), offset=n) for n in range(6)]
WHOLE = encode(interaction(7))


def with_field(value: bytes) -> bytes:
    return WHOLE.replace(b'"click"', value)


POISON = {
    "deep": b"[" * 5_000 + b"]" * 5_000,
    "never closed": b"[" * 2_000,
    "deep inside": with_field(b'{"a":' * 3_000 + b"1" + b"}" * 3_000),
    "deep in a field of nobody's": WHOLE[:-1] + b',"x":' + b"[" * 900 + b"]" * 900 + b"}",
    "half an emoji": with_field(rb'"\ud83d"'),
    "half an emoji as a key": WHOLE[:-1] + rb',"\udc00":1}',
    "a huge integer": WHOLE[:-1] + b',"position":' + b"9" * 5_000 + b"}",
    "a huge float": with_field(b'"rating","value":1e400'),
    "a huge time": WHOLE.replace(b"1750000007.0", b"9" * 400),
    "no UTF-8": with_field(b'"\xff\xfe"'),
    "NUL": b"\x00" * 100,
    "nothing": b"",
    "a long kind": with_field(b'"' + b"x" * 480_000 + b'"'),
    "a long time": WHOLE.replace(b"1750000007.0", b'"' + b"x" * 480_000 + b'"'),
    "too many bytes": WHOLE + b" " * 2_000_000,
    "another type": b'{"type":{"a":1}}',
    "no object": b"[1]",
}


def counted_and_letters(poison: bytes):
    records = [*GOOD[:3], record(poison, offset=99), *GOOD[3:]]
    found = entries_of(records, START + 100)
    return [f for f in found if isinstance(f, EventRecord)], [
        f for f in found if type(f) is InvalidRecord
    ]


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_one_bad_record_costs_none_of_its_chunk(poison):
    counted, refused_ones = counted_and_letters(poison)
    assert [each.event.user_id for each in counted] == [f"u{n}" for n in range(6)]
    (bad,) = refused_ones
    assert len(bad.letter(START).encode()) <= MAX_MESSAGE_BYTES
    assert len(bad.reason) <= 1_000


@given(st.binary(max_size=300) | st.builds(mutated, st.integers(0, 300), st.binary(max_size=6)))
def test_whatever_the_bytes_are_the_others_are_counted(poison):
    counted, refused_ones = counted_and_letters(poison)
    assert [each.event.user_id for each in counted if each.offset != 99] == [
        f"u{n}" for n in range(6)
    ]
    assert len(counted) + len(refused_ones) == 7


@pytest.mark.parametrize("topic", ["interactions", "impressions", "items", "users"])
@pytest.mark.parametrize("key", [None, b"", b"\xff", b"x" * 100_000, b"__probe"])
def test_a_deletion_is_taken_or_refused_whatever_its_key(topic, key):
    found = event_of(SourceRecord(TopicPartition(topic, 0), 5, key, None, START), START)
    assert isinstance(found, InvalidRecord)


def test_a_message_of_users_without_a_value_forgets_the_user():
    found = event_of(SourceRecord(TopicPartition("users", 1), 5, b"ann", None, START), START)
    assert isinstance(found, EventRecord)
    assert type(found.event) is UserDeletion
    assert (found.event.user_id, found.event.event_time) == ("ann", START)


def test_a_record_without_an_id_and_a_time_gets_those_of_its_place():
    plain = b'{"user_id":"ann","item_id":"lamp","kind":"click"}'
    found = event_of(SourceRecord(TopicPartition("interactions", 3), 17, None, plain, START), START)
    assert isinstance(found, EventRecord)
    assert (found.event.event_id, found.event.event_time) == ("interactions:3:17", START)
    again = event_of(
        SourceRecord(TopicPartition("interactions", 3), 17, None, plain, START), START + 9
    )
    assert again.fingerprint == found.fingerprint
    other = event_of(SourceRecord(TopicPartition("interactions", 3), 18, None, plain, START), START)
    assert other.fingerprint != found.fingerprint


def test_a_misspelt_field_is_refused_with_what_is_meant():
    misspelt = WHOLE.replace(b'"kind"', b'"knid"')
    assert refused(misspelt).path == "$.knid"
    assert "did you mean `kind`" in refused(misspelt).reason


def test_where_they_are_only_warned_of_unknown_fields_are_left_out():
    named: list[str] = []
    found = event_of(record(WHOLE[:-1] + b',"color":1}'), START + 9, Door(on_unknown=named.extend))
    assert isinstance(found, EventRecord)
    assert found.event == interaction(7)
    assert named == ["$.color"]


def test_an_event_of_too_many_bytes_is_refused():
    assert isinstance(event_of(record(WHOLE), START + 9, Door(len(WHOLE))), EventRecord)
    for found in (
        event_of(record(WHOLE), START + 9, Door(len(WHOLE) - 1)),
        *entries_of([record(WHOLE)], START + 9, Door(len(WHOLE) - 1)),
    ):
        assert isinstance(found, InvalidRecord)
        assert "bytes as JSON" in found.reason


@pytest.mark.parametrize("error", [MemoryError(), RecursionError(), SystemError("what?")])
def test_whatever_decoding_raises_is_the_record_s_fault(error, monkeypatch):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("stream.ingest.decode._INTERACTION", fails)
    monkeypatch.setattr("features.topic_events.decode", fails)
    (found,) = entries_of([record(interaction(0))], START)
    assert isinstance(found, InvalidRecord)
    assert type(error).__name__ in found.reason


def test_an_event_that_was_moved_has_the_id_and_the_time_of_its_first_place():
    plain = b'{"user_id":"ann","item_id":"lamp","kind":"click"}'
    here, there = TopicPartition("interactions", 3), TopicPartition("interactions", 1)
    first = event_of(SourceRecord(here, 17, None, plain, START), START)
    origin = Origin(3, 17, START)
    again = event_of(SourceRecord(there, 99, b"ann", plain, START, origin), START)
    assert isinstance(first, EventRecord)
    assert isinstance(again, EventRecord)
    assert (again.event, again.fingerprint) == (first.event, first.fingerprint)
    assert (again.source, again.offset) == (there, 99)
    gone = event_of(SourceRecord(TopicPartition("users", 1), 4, b"ann", None, START), START)
    moved = SourceRecord(TopicPartition("users", 2), 8, b"ann", None, START, Origin(1, 4, START))
    assert event_of(moved, START).fingerprint == gone.fingerprint
