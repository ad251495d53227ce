"""Many events at once are the same as one after the other, to the last bit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.history import Update
from features.interner import CATEGORIES, ITEMS
from features.rounds import Rounds, advance_items, advance_users
from features.state import (
    ITEM_VALUES,
    NO_ITEM,
    NO_USER,
    USER_VALUES,
    VOTERS,
    advance_item,
    advance_user,
    states_of,
)

ENTITIES = 4
NAMES = [f"c{n}" for n in range(60)]
EVENTS = st.lists(
    st.tuples(
        st.integers(0, ENTITIES - 1),
        st.floats(0.0, 1e7),
        st.booleans(),
        st.sampled_from([f"i{n}" for n in range(30)]),
        st.lists(st.sampled_from(NAMES), max_size=6).map(tuple),
        st.integers(1, VOTERS + 4),
    ),
    max_size=60,
)


def one_by_one(events, empty, advance):
    """Ages, and the points before and after each event."""
    states = [empty] * ENTITIES
    ages, before, after = [], [], []
    for entity, age_s, positive, item, categories, user in events:
        update = Update(states[entity].time + age_s, 0, positive, item, categories, user)
        ages.append(update.time - states[entity].time)
        before.append(states[entity])
        states[entity] = advance(states[entity], update)
        after.append(states[entity])
    return np.array(ages), before, after


def rows_of(events, empty, layout):
    rounds = Rounds(np.array([event[0] for event in events], int), ENTITIES)
    rows = np.zeros(ENTITIES + len(events), layout)
    rows[:ENTITIES] = states_of([empty] * ENTITIES, layout).values
    return rounds, rows


@given(EVENTS)
def test_items_in_rounds_are_what_they_are_one_by_one(events):
    ages, before, after = one_by_one(events, NO_ITEM, advance_item)
    rounds, rows = rows_of(events, NO_ITEM, ITEM_VALUES)
    positive = np.array([event[2] for event in events], bool)
    voters = np.array([event[5] for event in events], np.uint32)
    advance_items(rows, rounds, ages, positive, voters)
    assert [row.tobytes() for row in rows[rounds.after]] == [state.values for state in after]
    assert [row.tobytes() for row in rows[rounds.before]] == [state.values for state in before]


@given(EVENTS)
def test_users_in_rounds_are_what_they_are_one_by_one(events):
    ages, before, after = one_by_one(events, NO_USER, advance_user)
    rounds, rows = rows_of(events, NO_USER, USER_VALUES)
    most = max((len(event[4]) for event in events), default=0)
    categories = np.zeros((len(events), most), np.int32)
    for row, event in zip(categories, events, strict=True):
        row[: len(event[4])] = CATEGORIES.numbers(event[4])
    positive = np.array([event[2] for event in events], bool)
    items = np.array([ITEMS.number(event[3]) for event in events], np.int32)
    advance_users(rows, rounds, ages, positive, items, categories)
    assert [row.tobytes() for row in rows[rounds.after]] == [state.values for state in after]
    assert [row.tobytes() for row in rows[rounds.before]] == [state.values for state in before]


@given(st.lists(st.floats(-1e4, 0.0), min_size=1, max_size=40))
def test_a_power_does_not_depend_on_its_neighbours(exponents):
    together = np.exp2(np.array(exponents))
    assert [float(np.exp2(x)) for x in exponents] == together.tolist()
