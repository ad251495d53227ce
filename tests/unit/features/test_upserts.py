from hypothesis import given
from hypothesis import strategies as st

from features.upserts import UpsertVersion, supersedes

VERSIONS = st.builds(UpsertVersion, st.sampled_from([1.0, 2.0, 3.0]), st.sampled_from("abc"))


def held(versions):
    found = None
    for version in versions:
        if supersedes(version, found):
            found = version
    return found


@given(st.lists(VERSIONS, min_size=1).flatmap(lambda v: st.tuples(st.just(v), st.permutations(v))))
def test_what_holds_is_the_same_in_any_order(orders):
    first, second = orders
    assert held(first) == held(second)


def test_the_newest_by_event_time_holds_whatever_came_last():
    assert held([UpsertVersion(5.0, "a"), UpsertVersion(1.0, "z")]) == UpsertVersion(5.0, "a")


def test_an_upsert_that_comes_again_changes_nothing():
    assert not supersedes(UpsertVersion(1.0, "a"), UpsertVersion(1.0, "a"))
