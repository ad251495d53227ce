"""The check that every door makes: what it refuses, and where it says the fault is."""

import msgspec
import pytest

from features.validation import MAX_FUTURE_S, check, event_of
from millstream.errors import InvalidEvent
from millstream.events import AnyEvent, ItemUpsert
from tests.support.stream_cases import START, impression, interaction, item_upsert, user_upsert


def refused(event, **options) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        check(event, START, **options)
    return caught.value


def test_a_time_up_to_an_hour_ahead_is_let_in_and_no_later_one():
    check(interaction(MAX_FUTURE_S), START)
    assert refused(interaction(86_400)).path == "$.event_time"
    assert "3600 seconds ahead" in refused(interaction(86_400)).reason


def test_probes_ids_are_for_probes_and_probes_for_them():
    assert refused(interaction(0, "__probe_1")).path == "$.user_id"
    assert refused(interaction(0, item="__probe_1")).path == "$.item_id"
    assert refused(interaction(0, is_probe=True)).path == "$.user_id"
    check(interaction(0, "__probe_1", "__probe_2", is_probe=True), START)


def test_a_seventh_category_is_refused_rather_than_lost():
    check(item_upsert(0, categories=[f"c{n}" for n in range(6)]), START)
    error = refused(item_upsert(0, categories=[f"c{n}" for n in range(7)]))
    assert error.path == "$.categories"
    assert "at most 6 categories. Received: 7" in error.reason


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (item_upsert(0, attributes={"release_year": "long ago"}), "$.attributes.release_year"),
        (item_upsert(0, attributes={"release_year": "1e400"}), "$.attributes.release_year"),
        (user_upsert(0, age="NaN"), "$.attributes.age"),
        (user_upsert(0, occupation="x" * 257), "$.attributes.occupation"),
        (item_upsert(0, attributes={"title": "x" * 1_001}), "$.attributes.title"),
        (impression(0, user_features={"user_age": "old"}), "$.user_features.user_age"),
        (impression(0, user_features={"user_age": 1e39}), "$.user_features.user_age"),
        (impression(0, user_features={"user_gender": "x" * 257}), "$.user_features.user_gender"),
        (
            impression(0, user_features={"user_category_events": ["inf"]}),
            "$.user_features.user_category_events",
        ),
        (
            impression(0, user_features={"user_recent_items": ["x" * 257]}),
            "$.user_features.user_recent_items",
        ),
        (interaction(0, context={"device": "phone \ud83d"}), "$.context.device"),
        (item_upsert(0, title="\udc00"), "$.title"),
        (user_upsert(0, gender="\ud83d"), "$.attributes.gender"),
    ],
)
def test_what_no_column_can_hold_is_refused_at_its_path(event, path):
    assert refused(event).path == path


def test_an_attribute_that_no_feature_takes_is_named_with_the_one_that_is_meant():
    error = refused(item_upsert(0, attributes={"relase_year": 1999.0}))
    assert error.path == "$.attributes.relase_year"
    assert "did you mean `release_year`" in error.reason
    assert refused(user_upsert(0, zzz=1.0)).reason.endswith("`$.attributes.zzz`")


def test_where_it_is_only_warned_of_it_is_let_in():
    named: list[str] = []
    check(user_upsert(0, shoe=43.0), START, on_unknown=named.extend)
    assert named == ["$.attributes.shoe"]


def test_fields_and_attributes_that_nothing_takes_are_named_together():
    misspelt = {
        "item_id": "kit-2",
        "event_id": "e",
        "event_time": START,
        "catagories": ["c1"],
        "attributes": {"relase_year": 1999},
    }
    for kind, whole in ((ItemUpsert, misspelt), (AnyEvent, {"type": "item", **misspelt})):
        with pytest.raises(InvalidEvent) as caught:
            event_of(whole, kind, START)
        assert caught.value.path == "$.catagories"
        for name in ("$.catagories", "categories", "$.attributes.relase_year", "release_year"):
            assert f"`{name}`" in caught.value.reason
        named: list[str] = []
        event = event_of(whole, kind, START, on_unknown=named.extend)
        assert named == ["$.catagories", "$.attributes.relase_year"]
        assert event.item_id == "kit-2"


def test_the_bound_of_an_event_is_in_bytes_as_json():
    event = interaction(0)
    size = len(msgspec.json.encode(event))
    check(event, START, max_event_bytes=size)
    assert f"Received: {size:,}" in refused(event, max_event_bytes=size - 1).reason


def test_an_error_shows_the_beginning_of_a_value_only():
    error = refused(user_upsert(0, age="9" * 900 + "x"))
    assert len(error.reason) < 300
