"""Histories of users and items: what an event does, whenever it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import state
from features.history import MAX_UPDATES, History, Update, add, restored
from features.spec import DAY_S, RECENT_ITEMS
from features.state import (
    ITEM_COUNTERS,
    ITEM_RULE,
    NO_ITEM,
    USER_RULE,
    VOTERS,
    advance_item,
    new_item,
    new_user,
    voter,
)

HORIZON_S = 10.0
START = 1.7e9


def update(second: float, order: int = 0, item: str = "i", positive: bool = True) -> Update:
    categories = (f"category-{item}", "all")
    return Update(START + second, order, positive, item, categories, voter(str(order % 5)))


def strengths(state: state.UserState) -> dict[str, float]:
    return dict(zip(state.categories, state.events, strict=True))


UPDATES = st.lists(
    st.builds(
        update,
        st.integers(0, 9),
        st.integers(0, 2**64 - 1),
        st.sampled_from("abcdefgh"),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda u: u.order,
)


def history_of(updates: list[Update], new=new_user, rule=USER_RULE) -> History:
    history = new()
    for each in updates:
        add(history, each, rule, HORIZON_S)
    return history


@given(UPDATES, st.randoms(use_true_random=False))
@pytest.mark.parametrize(("new", "rule"), [(new_user, USER_RULE), (new_item, ITEM_RULE)])
def test_events_within_the_horizon_may_come_in_any_order(new, rule, updates, random):
    shuffled = random.sample(updates, len(updates))
    assert history_of(shuffled, new, rule) == history_of(updates, new, rule)


@given(UPDATES, st.integers(0, 10))
def test_no_event_at_or_after_a_time_is_in_what_holds_before_it(updates, second):
    before = history_of(updates).before(START + second)
    past = [u for u in updates if u.time < START + second]
    assert before == history_of(past).newest


def test_events_of_the_same_second_do_not_see_one_another():
    history = history_of([update(5, order=1, item="a"), update(5, order=2, item="b")])
    assert history.before(START + 5) is state.NO_USER


def test_what_is_before_the_horizon_is_not_known_any_more():
    history = history_of([update(0), update(1), update(50)])
    assert history.before(START + 0.5) is None
    assert history.before(START + 1.5).time == START + 1


def test_an_event_that_is_too_late_still_counts():
    late = history_of([update(0), update(1), update(50), update(0.5)])
    in_time = history_of([update(0), update(0.5), update(1), update(50)])
    assert late.newest.counts == pytest.approx(in_time.newest.counts)
    assert strengths(late.newest) == pytest.approx(strengths(in_time.newest))


def test_a_history_is_bounded_however_many_events_come_at_once():
    history = history_of([update(0, order) for order in range(3 * MAX_UPDATES)])
    assert len(history.updates) == len(history.states) == MAX_UPDATES
    assert history.newest.counts[0] == 3 * MAX_UPDATES


@given(UPDATES)
def test_a_history_survives_the_store_bit_by_bit(updates):
    history = history_of(updates)
    assert restored(history.base, list(history.updates), USER_RULE) == history


def test_recent_items_come_newest_first_and_each_once():
    assert state.recent_with(("b", "a"), "c") == ("c", "b", "a")
    assert state.recent_with(("b", "a"), "a") == ("a", "b")
    many = tuple(str(n) for n in range(RECENT_ITEMS))
    assert state.recent_with(many, "new") == ("new", *many[:-1])


def test_the_strongest_categories_come_first():
    state = history_of(
        [update(s, s, item) for s, item in enumerate("abbbcc")], new_user, USER_RULE
    ).newest
    assert state.categories == ("all", "category-b", "category-c", "category-a")
    assert list(state.events) == sorted(state.events, reverse=True)


@given(UPDATES)
def test_categories_are_always_in_the_order_of_their_strength(updates):
    state = history_of(updates).newest
    assert list(state.events) == sorted(state.events, reverse=True)


def test_affinities_fade():
    history = history_of([update(0, item="a"), update(30 * DAY_S, item="b")])
    expected = {"all": 1.5, "category-a": 0.5, "category-b": 1.0}
    assert strengths(history.newest) == pytest.approx(expected)


def test_only_positives_gain_positives():
    history = history_of([update(0, 1, "a", positive=True), update(0, 2, "a", positive=False)])
    assert history.newest.categories == ("category-a", "all")
    assert history.newest.events == (2.0, 2.0)
    assert history.newest.positives == (1.0, 1.0)


def test_the_categories_that_are_tracked_are_bounded():
    many = Update(START, 0, True, "i", tuple(f"c{n}" for n in range(1000)))
    assert len(history_of([many]).newest.categories) == state.TRACKED_CATEGORIES


PEOPLE = [feature.name for feature in ITEM_COUNTERS.features].index("item_popularity")
POSITIVES = [feature.name for feature in ITEM_COUNTERS.features].index("item_positives_30d")


def popularity_of(users, seconds=0.0):
    state = NO_ITEM
    for n, user in enumerate(users):
        state = advance_item(state, Update(START + n * seconds, n, True, "i", (), voter(user)))
    return state.counts


def test_one_person_makes_an_item_popular_once_however_often_they_like_it():
    counts = popularity_of(["bot"] * 20_000)
    assert (counts[PEOPLE], counts[POSITIVES]) == (1.0, 20_000.0)
    assert popularity_of(["ann", "bob", "ann", "eve", "bob"])[PEOPLE] == 3.0


def test_of_an_item_that_is_liked_by_many_one_of_them_is_no_more_than_a_small_share():
    crowd = [each for n in range(500) for each in (f"u{n}", "bot")]
    assert 500.0 <= popularity_of(crowd)[PEOPLE] <= 500.0 * (1.0 + 1.0 / (VOTERS - 1)) + 1.0


def test_a_person_who_only_looked_is_still_new_when_they_like():
    state = advance_item(NO_ITEM, Update(START, 0, False, "i", (), voter("ann")))
    assert state.counts[PEOPLE] == 0.0
    assert advance_item(state, Update(START, 1, True, "i", (), voter("ann"))).counts[PEOPLE] == 1.0
