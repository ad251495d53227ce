"""Every family against a plain sum over all events, in whatever order they come."""

from random import Random

import pytest

from features.entity_rule import EntityRule
from features.families import Affinity, Count, Family, LastTime, Recent, UpdatedAt, ValueSum
from features.history import History, add
from features.spec import ITEM_STATS, USER_STATS
from features.update import Update
from tests.support.plain_features import columns, found, plain

START = 1.7e9
HORIZON_S = 100.0
KINDS = ("click", "cart", "purchase")
USERS: tuple[Family, ...] = (
    UpdatedAt("user_updated_at", USER_STATS),
    Count("user_events", USER_STATS, of="events", half_life_s=40.0),
    Count("user_positives", USER_STATS, of="positives", half_life_s=40.0),
    Count("user_carts", USER_STATS, of=("cart", "purchase"), half_life_s=15.0),
    ValueSum("user_spent", USER_STATS, half_life_s=30.0, kinds=("purchase",)),
    ValueSum("user_value", USER_STATS, half_life_s=60.0),
    LastTime("user_bought_at", USER_STATS, kinds=("purchase",)),
    Recent("user_recent_items", USER_STATS, length=4),
    Recent("user_bought", USER_STATS, length=3, kinds=("purchase",)),
    Recent("user_met", USER_STATS, length=4, times="user_met_times"),
    Recent("user_got", USER_STATS, length=3, kinds=("purchase",), times="user_got_times"),
    Affinity("user_tags", USER_STATS, to="item_tags", top=8, half_life_s=25.0),
    Affinity("user_first_tags", USER_STATS, to="item_tags", top=8, half_life_s=25.0, depth=1),
)
ITEMS: tuple[Family, ...] = (
    UpdatedAt("item_updated_at", ITEM_STATS),
    Count("item_people", ITEM_STATS, of="people", half_life_s=40.0),
    ValueSum("item_revenue", ITEM_STATS, half_life_s=30.0, kinds=("purchase",)),
    Affinity("item_before", ITEM_STATS, to="user_recent_items", top=8, half_life_s=25.0),
)
RULES = {"user": EntityRule("user", USERS), "item": EntityRule("item", ITEMS)}


def events(seed: int, count: int = 25) -> list[Update]:
    """Events of one entity, some of the same second."""
    random = Random(seed)
    return [
        Update(
            START + random.randrange(90),
            n,
            random.random() < 0.5,
            f"i{random.randrange(6)}",
            (tuple(random.sample("abcdefgh", random.randrange(4))),),
            random.randrange(1, 6),
            random.choice(KINDS),
            random.choice([None, 1.5, 20.0]),
        )
        for n in range(count)
    ]


def history_of(rule: EntityRule, updates: list[Update], horizon_s: float = HORIZON_S) -> History:
    history = History(rule.empty)
    for update in updates:
        add(rule, [history], [update], horizon_s)
    return history


@pytest.mark.parametrize("entity", RULES)
@pytest.mark.parametrize("seed", range(2))
def test_every_feature_is_the_sum_of_its_events_in_whatever_order_they_come(entity, seed):
    rule, given = RULES[entity], events(seed)
    in_time = history_of(rule, sorted(given, key=lambda u: (u.time, u.order)))
    shuffled = history_of(rule, Random(seed).sample(given, len(given)))
    assert shuffled == in_time
    row = columns(rule, in_time)
    for feature in USERS if entity == "user" else ITEMS:
        got = found(feature, row)[feature.name]
        told = plain(feature, given, list(rule.needs.lists))
        wanted = told.pop(feature.name)
        assert told == {name: row[name] for name in told}
        if isinstance(wanted, dict):
            assert isinstance(feature, Affinity)
            assert got.keys() == wanted.keys()
            assert all(got[key] == pytest.approx(wanted[key], rel=1e-5) for key in wanted)
            assert sorted(row[feature.events_column], reverse=True) == row[feature.events_column]
        else:
            assert got == (wanted if isinstance(wanted, list) else pytest.approx(wanted, rel=1e-5))


@pytest.mark.parametrize("entity", RULES)
def test_an_event_from_before_the_base_still_counts_in_all_but_recent_lists(entity):
    rule = RULES[entity]
    late = Update(START + 0.5, 99, True, "late", (("a", "h"),), 77, "purchase", 3.0)
    given = [*events(4), Update(START + 300, 98, False, "last", (("a",),), 5, "click")]
    given = sorted(given, key=lambda u: (u.time, u.order))
    too_late = history_of(rule, [*given, late], horizon_s=1.0)
    assert too_late.base.time > late.time
    row = columns(rule, too_late)
    for feature in USERS if entity == "user" else ITEMS:
        got = found(feature, row)[feature.name]
        ordered = given if isinstance(feature, Recent) else [late, *given]
        told = plain(feature, ordered, list(rule.needs.lists))
        wanted = told.pop(feature.name)
        assert told == {name: row[name] for name in told}
        if isinstance(wanted, dict):
            wanted = {key: pytest.approx(both, rel=1e-5) for key, both in wanted.items()}
            assert got == wanted
        else:
            assert got == (wanted if isinstance(wanted, list) else pytest.approx(wanted, rel=1e-5))


@pytest.mark.parametrize("entity", RULES)
def test_values_as_of_a_later_time_have_faded_by_their_own_half_lives(entity):
    rule = RULES[entity]
    newest = rule.states_of([history_of(rule, events(5)).newest])
    now, later = rule.arrow(newest), rule.arrow(newest, newest.times + 30.0)
    for feature in (f for each in (USERS, ITEMS) for f in each if f.view.entity == entity):
        for column in feature.columns():
            before, after = now[column.name].to_pylist()[0], later[column.name].to_pylist()[0]
            if column.half_life_s is None:
                assert after == before
            else:
                left = 2.0 ** (-30.0 / column.half_life_s)
                faded = [left * v for v in before] if column.is_list else left * before
                assert after == pytest.approx(faded, rel=1e-5)


def test_the_tracked_entries_are_bounded_and_the_strongest_stay():
    affinity = Affinity("user_tags", USER_STATS, to="item_tags", top=2, half_life_s=60.0, tracked=3)
    rule = EntityRule("user", (affinity,))
    history = history_of(
        rule, [Update(START + n, n, True, "i", (("a", "b", f"t{n}"),)) for n in range(5)]
    )
    row = columns(rule, history)
    assert row["user_tags"] == ["a", "b"]
    assert row["user_tags_events"][0] == pytest.approx(
        sum(2.0 ** (-n / 60.0) for n in range(5)), rel=1e-6
    )


def test_what_is_not_asked_for_is_not_carried():
    assert RULES["user"].needs.kinds and RULES["user"].needs.values
    films = EntityRule("user", (Count("user_events", USER_STATS), Recent("user_r", USER_STATS)))
    assert not films.needs.lists and not films.needs.kinds and not films.needs.values
