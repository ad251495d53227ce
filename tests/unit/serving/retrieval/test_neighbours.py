"""Recent items of people: the nearest are found, the oldest forgotten, as a slow search says."""

from math import exp, sqrt

import numpy as np
import pytest

from serving.retrieval.neighbours import NEIGHBOURS, PEOPLE_OF_ITEM, STEPS, RecentPeople

HALF_LIFE_S = 100.0


def slow_scores(people, recent, time_s):
    """By the formulas, person by person."""
    scores = {}
    for items, met_s in people.values():
        shared = [item for item in recent if item in items]
        if not shared:
            continue
        similarity = sum(exp(-recent.index(item) / STEPS) for item in shared)
        similarity *= 0.5 ** ((time_s - met_s) / HALF_LIFE_S) / sqrt(len(items))
        at = items.index(shared[0])
        for step, item in enumerate(items):
            if item not in recent:
                vote = similarity * exp(-abs(step - at) / STEPS)
                scores[item] = scores.get(item, 0.0) + vote
    return scores


def test_scores_are_those_of_a_slow_search_after_any_updates():
    rng = np.random.default_rng(3)
    ours, people = RecentPeople(capacity=8, half_life_s=HALF_LIFE_S), {}
    for step in range(300):
        user = str(rng.integers(12))
        items = rng.choice(np.arange(1, 30), rng.integers(1, 7), replace=False).tolist()
        ours.put(user, items, [item + 100 for item in items], float(step))
        people.pop(user, None)
        people[user] = items, float(step)
        if len(people) > 8:  # the one that was quiet longest
            people.pop(next(iter(people)))
        if step % 10 == 0:
            ours.forget(user)
            people.pop(user)
        recent = rng.choice(np.arange(1, 30), 4, replace=False)
        found = ours.follow_ups(recent, step + 5.0)
        expected = slow_scores(people, recent.tolist(), step + 5.0)
        assert set(found.keys.tolist()) == set(expected)
        assert (found.rows == found.keys + 100).all()
        scores = [expected[key] for key in found.keys.tolist()]
        np.testing.assert_allclose(found.scores, scores, rtol=1e-9)
        assert (np.diff(found.scores) <= 0).all()
    assert len(ours) <= 8


def test_a_person_who_met_nothing_alike_brings_nothing():
    ours = RecentPeople(capacity=4)
    ours.put("ann", [1, 2], [0, 1], 0.0)
    assert not len(ours.follow_ups(np.array([9]), 1.0).keys)
    assert not len(ours.follow_ups(np.array([], np.int64), 1.0).keys)


@pytest.mark.parametrize("length", [1, 20, 45])
def test_a_list_of_any_length_is_kept_as_far_as_there_is_room(length):
    ours = RecentPeople(capacity=2)
    items = list(range(1, length + 1))
    ours.put("ann", items, items, 0.0)
    found = ours.follow_ups(np.array([1]), 0.0).keys.tolist()
    assert found == items[1:20]


def test_of_an_item_that_many_met_the_newest_people_are_asked():
    ours = RecentPeople(capacity=PEOPLE_OF_ITEM + 50)
    for person in range(PEOPLE_OF_ITEM + 2):
        ours.put(str(person), [7, 100 + person], [0, person], 0.0)
    ours.forget(str(PEOPLE_OF_ITEM + 1))
    found = ours.follow_ups(np.array([7]), 1e3)
    assert len(found.keys) == NEIGHBOURS  # alike all of them: those who came first stand first
    assert set(found.keys.tolist()) == set(range(102, 102 + NEIGHBOURS))
