import pytest

from features.validation import MAX_FUTURE_S
from millstream.codec import encode
from stream.decode import entries_of, event_of
from stream.records import Record, Refused, Source, Sourced
from tests.support.stream_cases import (
    START,
    entry,
    event_entry,
    impression,
    interaction,
    record,
)


def refused(event, **options) -> Refused:
    found = entry(event, **options)
    assert isinstance(found, Refused)
    return found


def test_an_event_keeps_its_position_and_gets_a_fingerprint():
    found = event_entry(interaction(1), partition=3, offset=17)
    assert (found.source, found.offset) == (Source("interactions", 3), 17)
    assert found.mark == event_entry(interaction(1)).mark != event_entry(interaction(2)).mark


def test_what_is_no_json_is_refused_as_a_whole():
    assert refused(b"{").path == "$"


def test_a_wrong_field_is_refused_with_its_path():
    whole = encode(interaction(1))
    assert refused(whole.replace(b'"click"', b'"jump"')).path == "$.kind"


def test_an_event_of_another_topic_s_kind_is_refused():
    other = record(impression(0))
    found = event_of(Record(Source("interactions", 0), 0, None, other.value), START)
    assert isinstance(found, Refused)


def test_a_time_far_ahead_of_the_clock_is_refused():
    assert refused(interaction(MAX_FUTURE_S + 1), now_s=START).path == "$.event_time"
    assert isinstance(entry(interaction(MAX_FUTURE_S), now_s=START), Sourced)


def test_a_logged_feature_of_the_wrong_type_is_refused_with_its_path():
    shown = impression(0)
    shown.items[1].features["item_popularity"] = "much"
    assert refused(shown).path == "$.items[1].features.item_popularity"
    assert refused(impression(0, user_features={"user_age": []})).path == "$.user_features.user_age"


def test_a_feature_that_the_spec_does_not_know_is_let_through():
    assert isinstance(entry(impression(0, user_features={"shoe": [1]})), Sourced)


@pytest.mark.parametrize(
    ("user", "item", "is_probe", "path"),
    [("__probe_user__", "i", False, "$.user_id"), ("__probe_user__", "i", True, "$.item_id")],
)
def test_probes_touch_ids_of_their_own_and_nobody_else_does(user, item, is_probe, path):
    assert refused(interaction(0, user, item, is_probe=is_probe)).path == path


def test_a_message_without_a_value_hides_its_item():
    tombstone = Record(Source("items", 0), 5, b"i7", None, START)
    found = event_of(tombstone, START)
    assert isinstance(found, Sourced)
    event = found.event
    assert (event.item_id, event.hidden, event.event_time) == ("i7", True, START)


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
