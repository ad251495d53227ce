"""Pairs of items: scores are those of the formulas, and what was met longest ago gives way."""

from math import sqrt

import numpy as np
import pytest

from serving.retrieval.item_neighbours import FADING, LATEST, WINDOW, ItemNeighbours
from serving.retrieval.kept_neighbours import FILE_NAME, kept_neighbours

HALF_LIFE_S = 100.0


def slow_scores(events, recent, time_s):
    """By the formulas, event by event."""
    pairs, met = {}, {}
    for keys, at_s in events:
        left = 0.5 ** ((time_s - at_s) / HALF_LIFE_S)
        one, others = keys[0], keys[1 : WINDOW + 1]
        met[one] = met.get(one, 0.0) + left
        for other in others:
            for pair in ((one, other), (other, one)):
                pairs[pair] = pairs.get(pair, 0.0) + left
    scores = {}
    for steps, one in enumerate(recent[:LATEST]):
        for (i, j), count in pairs.items():
            if i == one and j not in recent[:LATEST]:
                cosine = count / sqrt((met.get(i, 0.0) + 1.0) * (met.get(j, 0.0) + 1.0))
                scores[j] = scores.get(j, 0.0) + FADING**steps * cosine
    return scores


def random_events(count, items, seed=3):
    rng = np.random.default_rng(seed)
    for step in range(count):
        size = rng.integers(1, WINDOW + 4)
        yield rng.choice(np.arange(1, items), size, replace=False).tolist(), float(step)


def put_all(ours, events):
    for keys, time_s in events:
        ours.put(keys, [key + 100 for key in keys], time_s)


@pytest.mark.parametrize("begins_s", [0.0, 1.75e9])
def test_scores_are_those_of_the_formulas(begins_s):
    events = [(keys, begins_s + at) for keys, at in random_events(300, items=40)]
    ours = ItemNeighbours(capacity=50, partners=50, half_life_s=HALF_LIFE_S)
    put_all(ours, events)
    now_s = begins_s + 310.0
    recent = [7, 3, 39, 999, *range(10, 30)]
    found = ours.nearest(np.array(recent), now_s)
    expected = slow_scores(events, recent, now_s)
    assert set(found.keys.tolist()) == set(expected) and len(expected) > 10
    assert (found.rows == found.keys + 100).all()
    np.testing.assert_allclose(
        found.scores, [expected[key] for key in found.keys.tolist()], rtol=1e-5
    )
    assert (np.diff(found.scores) <= 0).all()


def test_weights_that_have_grown_begin_anew_and_change_no_score():
    events = [(keys, 40.0 * at) for keys, at in random_events(300, items=20)]  # 120 half-lives
    ours = ItemNeighbours(capacity=50, partners=50, half_life_s=HALF_LIFE_S)
    put_all(ours, events)
    found = ours.nearest(np.array([5]), 12_000.0)
    expected = slow_scores(events, [5], 12_000.0)
    got = dict(zip(found.keys.tolist(), found.scores.tolist(), strict=True))
    for key, score in expected.items():
        assert got.get(key, 0.0) == pytest.approx(score, rel=1e-5, abs=1e-9)


def test_the_partner_with_the_fewest_pairs_gives_way():
    ours = ItemNeighbours(capacity=20, partners=2)
    for keys in ([1, 2], [1, 2], [1, 3], [1, 4], [4, 1]):
        ours.put(keys, keys, 0.0)
    assert sorted(ours.nearest(np.array([1]), 0.0).keys.tolist()) == [2, 4]


def test_what_was_met_longest_ago_is_forgotten_by_all():
    ours = ItemNeighbours(capacity=3, partners=4)
    for keys in ([1, 2], [2, 3], [4, 3]):
        ours.put(keys, keys, 0.0)
    assert len(ours) == 3
    assert not len(ours.nearest(np.array([1]), 0.0).keys)
    assert ours.nearest(np.array([2]), 0.0).keys.tolist() == [3]
    assert ours.nearest(np.array([3]), 0.0).keys.tolist() == [4, 2]


def test_nothing_that_was_met_brings_nothing():
    ours = ItemNeighbours(capacity=3)
    for recent in (np.array([], np.int64), np.array([9, 0])):
        assert not len(ours.nearest(recent, 0.0).keys)


def test_a_restart_goes_on_from_what_was_kept(tmp_path):
    ours, again = (ItemNeighbours(30, 8, HALF_LIFE_S) for _ in range(2))
    events = list(random_events(200, items=25))
    put_all(ours, events)
    kept_neighbours(ours, tmp_path).write()
    kept_neighbours(again, tmp_path).read()
    put_all(ours, [([3, 4, 5], 210.0)])
    put_all(again, [([3, 4, 5], 210.0)])
    for recent in ([4], [11, 3, 17]):
        one, other = (each.nearest(np.array(recent), 220.0) for each in (ours, again))
        order = np.argsort(one.keys), np.argsort(other.keys)
        assert one.keys[order[0]].tolist() == other.keys[order[1]].tolist()
        np.testing.assert_allclose(one.scores[order[0]], other.scores[order[1]], rtol=1e-6)


def test_of_more_items_than_there_is_room_for_those_met_last_are_restored(tmp_path):
    ours, small = ItemNeighbours(30, 8), ItemNeighbours(5, 3)
    put_all(ours, random_events(200, items=25))
    kept_neighbours(ours, tmp_path).write()
    kept_neighbours(small, tmp_path).read()
    last = list(ours._places)[-5:]
    assert len(small) == 5
    found = small.nearest(np.array(last[:1]), 200.0)
    assert set(found.keys.tolist()) <= set(last[1:])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY"])
def test_a_damaged_file_is_said_and_begins_anew(tmp_path, caplog, content):
    (tmp_path / FILE_NAME).write_bytes(content)
    ours = ItemNeighbours(5)
    kept_neighbours(ours, tmp_path).read()
    assert not len(ours) and "learnt anew" in caplog.text
