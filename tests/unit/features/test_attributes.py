import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.attributes import (
    MAX_VERSIONS,
    NOTHING,
    AttributeVersion,
    Versions,
    coerced,
    item_version,
    newest,
    user_version,
    version_at,
    with_version,
)
from features.feature import Feature
from features.spec import USER_STATS
from millstream.errors import InvalidEvent
from millstream.events import ItemUpsert, UserUpsert

AT = 1.7e9


def item(**fields) -> ItemUpsert:
    return ItemUpsert(event_id="e", event_time=AT, item_id="i", **fields)


def test_an_item_s_own_fields_and_its_attributes_become_features():
    version = item_version(
        item(title="Heat", categories=["crime"], attributes={"release_year": "1995"})
    )
    assert version.values == {
        "item_title": "Heat",
        "item_categories": ["crime"],
        "item_created_at": AT,
        "item_release_year": 1995.0,
    }


def test_a_user_s_attributes_become_features_and_others_are_left_out():
    upsert = UserUpsert(
        event_id="e", event_time=AT, user_id="u", attributes={"age": 31, "gender": "F", "shoe": 43}
    )
    assert user_version(upsert).values == {"user_age": 31.0, "user_gender": "F"}


def test_a_number_for_a_text_is_written_as_people_write_it():
    upsert = UserUpsert(
        event_id="e", event_time=AT, user_id="u", attributes={"occupation": 12345678.0}
    )
    assert user_version(upsert).values == {"user_occupation": "12345678"}


def test_times_of_a_list_that_was_logged_are_taken_to_the_second_and_cut():
    times = Feature("user_times", USER_STATS, "float64_list", default=(), length=2)
    assert coerced(times, [AT + 0.25, "3", 4.0], "$.t") == [AT + 0.25, 3.0]
    with pytest.raises(InvalidEvent, match="Expected float64_list for feature 'user_times'"):
        coerced(times, [AT, "soon"], "$.t")


def test_a_text_for_a_number_is_refused_with_its_path():
    upsert = UserUpsert(event_id="e", event_time=AT, user_id="u", attributes={"age": "old"})
    with pytest.raises(InvalidEvent, match=r"'user_age'. Received: 'old' - at `\$.attributes.age`"):
        user_version(upsert)


def test_an_event_gets_the_version_of_its_own_time():
    versions = with_version(
        with_version((), AttributeVersion(10.0, {"v": 1})), AttributeVersion(20.0, {"v": 2})
    )
    assert version_at(versions, 9.9) is NOTHING
    assert version_at(versions, 10.0).values == {"v": 1}
    assert version_at(versions, 19.9).values == {"v": 1}
    assert version_at(versions, 20.0).values == {"v": 2}


def test_a_version_that_comes_late_does_not_hold_now():
    versions = with_version(
        with_version((), AttributeVersion(20.0, {"v": 2})), AttributeVersion(10.0, {"v": 1})
    )
    assert newest(versions).values == {"v": 2}
    assert version_at(versions, 15.0).values == {"v": 1}


def test_versions_are_bounded():
    versions: tuple[AttributeVersion, ...] = ()
    for time in range(100):
        versions = with_version(versions, AttributeVersion(float(time), {}))
    assert [v.time for v in versions] == [96.0, 97.0, 98.0, 99.0]
    assert len(versions) == MAX_VERSIONS


def test_nothing_is_known_of_a_new_entity():
    assert newest(()) is NOTHING


@given(st.permutations(range(6)))
def test_what_holds_of_upserts_does_not_depend_on_their_order(order):
    upserts = [AttributeVersion(float(n // 2), {"v": n}, event_id=f"e{n}") for n in range(6)]
    versions: Versions = ()
    for n in order:
        versions = with_version(versions, upserts[n])
    assert newest(versions).values == {"v": 5}
    assert [version.values["v"] for version in versions] == [1, 3, 5]


def test_an_upsert_that_comes_again_with_other_contents_is_the_first_one_still():
    first = with_version((), AttributeVersion(10.0, {"v": "first"}, event_id="e3"))
    assert with_version(first, AttributeVersion(11.0, {"v": "second"}, event_id="e3")) == first


def test_an_older_hide_that_comes_late_hides_nothing():
    shown = with_version((), AttributeVersion(5_000.0, {}, hidden=False, event_id="a"))
    assert not newest(
        with_version(shown, AttributeVersion(5.0, {}, hidden=True, event_id="b"))
    ).hidden
