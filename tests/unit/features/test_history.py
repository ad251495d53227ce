"""Histories of users and items: what an event does, whenever it comes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.entity_rule import ITEM_RULE, USER_RULE, EntityRule, State
from features.families.count import VOTERS
from features.history import MAX_UPDATES, History, add, replay, transitions
from features.rounds import Rounds
from features.spec import BY_NAME, DAY_S, DECLARED, RECENT
from features.update import Update, columns_of, voter
from tests.support.plain_features import columns

HORIZON_S = 10.0
START = 1.7e9


def update(second: float, order: int = 0, item: str = "i", positive: bool = True) -> Update:
    categories = (f"category-{item}", "all")
    return Update(START + second, order, positive, item, (categories,), voter(str(order % 5)))


def strengths(history: History) -> dict[str, float]:
    row = columns(USER_RULE, history)
    return dict(zip(row["user_categories"], row["user_category_events"], strict=True))


UPDATES = st.lists(
    st.builds(
        update,
        st.integers(0, 9),
        st.integers(0, 2**64 - 1),
        st.sampled_from("abcdefgh"),
        st.booleans(),
    ),
    min_size=1,
    max_size=15,
    unique_by=lambda u: u.order,
)


def history_of(updates: list[Update], rule: EntityRule = USER_RULE) -> History:
    history = History(rule.empty)
    for each in updates:
        add(rule, [history], [each], HORIZON_S)
    return history


@settings(max_examples=12)
@given(UPDATES, st.randoms(use_true_random=False))
@pytest.mark.parametrize("rule", [USER_RULE, ITEM_RULE])
def test_events_within_the_horizon_may_come_in_any_order(rule, updates, random):
    shuffled = random.sample(updates, len(updates))
    assert history_of(shuffled, rule) == history_of(updates, rule)


@settings(max_examples=12)
@given(UPDATES, st.integers(0, 10))
def test_no_event_at_or_after_a_time_is_in_what_holds_before_it(updates, second):
    before = history_of(updates).before(START + second)
    past = [u for u in updates if u.time < START + second]
    assert before == history_of(past).newest


def test_events_of_the_same_second_do_not_see_one_another():
    history = history_of([update(5, order=1, item="a"), update(5, order=2, item="b")])
    assert history.before(START + 5) is USER_RULE.empty


def test_what_is_before_the_horizon_is_not_known_any_more():
    history = history_of([update(0), update(1), update(50)])
    assert history.before(START + 0.5) is None
    assert history.before(START + 1.5).time == START + 1


def test_an_event_that_is_too_late_still_counts():
    late = history_of([update(0), update(1), update(50), update(0.5)])
    in_time = history_of([update(0), update(0.5), update(1), update(50)])
    late_row, row = columns(USER_RULE, late), columns(USER_RULE, in_time)
    counts = [name for name in row if name.startswith(("user_events", "user_positives"))]
    assert len(counts) == 6
    assert [late_row[n] for n in counts] == pytest.approx([row[n] for n in counts])
    assert strengths(late) == pytest.approx(strengths(in_time))


def test_a_history_is_bounded_however_many_events_come_at_once():
    count = MAX_UPDATES + 20
    history = history_of([update(0, order) for order in range(count)])
    assert len(history.updates) == len(history.states) == MAX_UPDATES
    assert columns(USER_RULE, history)["user_events_1h"] == count


@settings(max_examples=12)
@given(UPDATES)
def test_a_history_is_restored_from_its_base_and_updates_bit_by_bit(updates):
    history = history_of(updates)
    again = History(history.base, list(history.updates))
    replay(USER_RULE, [again], [0])
    assert again == history


def recent(*items: str) -> list[str]:
    history = history_of([update(n, n, item) for n, item in enumerate(items)])
    return columns(USER_RULE, history)["user_recent_items"]


def test_recent_items_come_newest_first_and_each_once():
    assert recent("a", "b", "c") == ["c", "b", "a"]
    assert recent("a", "b", "a") == ["a", "b"]
    many = [str(n) for n in range(BY_NAME[RECENT].length or 0)]
    assert recent(*many, "new") == ["new", *many[:0:-1]]


def test_the_strongest_categories_come_first():
    row = columns(USER_RULE, history_of([update(s, s, item) for s, item in enumerate("abbbcc")]))
    assert row["user_categories"] == ["all", "category-b", "category-c", "category-a"]
    assert row["user_category_events"] == sorted(row["user_category_events"], reverse=True)


def test_affinities_fade():
    history = history_of([update(0, item="a"), update(30 * DAY_S, item="b")])
    expected = {"all": 1.5, "category-a": 0.5, "category-b": 1.0}
    assert strengths(history) == pytest.approx(expected)


def test_only_positives_gain_positives():
    row = columns(
        USER_RULE, history_of([update(0, 1, "a", positive=True), update(0, 2, "a", positive=False)])
    )
    assert row["user_categories"] == ["category-a", "all"]
    assert row["user_category_events"] == [2.0, 2.0]
    assert row["user_category_positives"] == [1.0, 1.0]


PEOPLE = EntityRule(
    "item", [f for f in DECLARED if f.name in ("item_popularity", "item_positives_30d")]
)


def popularity_of(users):
    """(people, positives) of an item whose events are all of one instant."""
    entity_of = np.zeros(len(users), int)
    updates = [Update(START, n, True, "i", (), voter(user)) for n, user in enumerate(users)]
    rounds = Rounds(entity_of, 1)
    begin = PEOPLE.states_of([State(START, PEOPLE.empty.values)])
    states = transitions(PEOPLE, begin, rounds, columns_of(updates, PEOPLE.needs))
    newest = PEOPLE.arrow(states.take(rounds.after[-1:]))
    return newest["item_popularity"][0].as_py(), newest["item_positives_30d"][0].as_py()


def test_one_person_makes_an_item_popular_once_however_often_they_like_it():
    assert popularity_of(["bot"] * 5_000) == (1.0, 5_000.0)
    assert popularity_of(["ann", "bob", "ann", "eve", "bob"])[0] == 3.0


def test_of_an_item_that_is_liked_by_many_one_of_them_is_no_more_than_a_small_share():
    crowd = [each for n in range(500) for each in (f"u{n}", "bot")]
    assert 500.0 <= popularity_of(crowd)[0] <= 500.0 * (1.0 + 1.0 / (VOTERS - 1)) + 1.0


def test_a_person_who_only_looked_is_still_new_when_they_like():
    looked = Update(START, 0, False, "i", (), voter("ann"))
    likes = Update(START, 1, True, "i", (), voter("ann"))
    assert columns(ITEM_RULE, history_of([looked], ITEM_RULE))["item_popularity"] == 0.0
    assert columns(ITEM_RULE, history_of([looked, likes], ITEM_RULE))["item_popularity"] == 1.0
