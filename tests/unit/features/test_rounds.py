"""Many events at once are the same as one after the other, to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.entity_rule import ITEM_RULE, USER_RULE
from features.families.count import VOTERS
from features.families.family import States
from features.history import transitions
from features.rounds import Rounds
from features.update import Update, columns_of

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
    min_size=1,
    max_size=20,
)


def updates_of(events):
    """Times rise within each entity."""
    times = [0.0] * ENTITIES
    updates = []
    for entity, age_s, positive, item, categories, user in events:
        times[entity] += age_s
        updates.append(Update(times[entity], 0, positive, item, (categories,), user))
    return updates


def advanced(rule, begin, entity_of, updates):
    rounds = Rounds(np.array(entity_of), len(begin.times))
    states = transitions(rule, begin, rounds, columns_of(updates, rule.needs))
    return states.take(rounds.before), states.take(rounds.after)


@settings(max_examples=12)
@given(EVENTS)
@pytest.mark.parametrize("rule", [USER_RULE, ITEM_RULE])
def test_events_in_rounds_are_what_they_are_one_by_one(rule, events):
    updates, entities = updates_of(events), [event[0] for event in events]
    newest = [rule.states_of([rule.empty]) for _ in range(ENTITIES)]
    together = States(*(np.repeat(each, ENTITIES, 0) for each in rule.states_of([rule.empty])))
    before, after = advanced(rule, together, entities, updates)
    for n, (entity, update) in enumerate(zip(entities, updates, strict=True)):
        assert newest[entity].values.tobytes() == before.values[n].tobytes()
        newest[entity] = advanced(rule, newest[entity], [0], [update])[1]
        assert newest[entity].values.tobytes() == after.values[n].tobytes()
        assert newest[entity].times[0] == after.times[n] == update.time


@given(st.lists(st.floats(-1e4, 0.0), min_size=1, max_size=40))
def test_a_power_does_not_depend_on_its_neighbours(exponents):
    together = np.exp2(np.array(exponents))
    assert [float(np.exp2(x)) for x in exponents] == together.tolist()
