"""Baselines find planted answers, and keep the laws of their counts."""

import pickle

import numpy as np
import pytest

from millstream.errors import ConfigurationError
from simulation.baselines.baseline import BaselineRecommender, Moment, best, filled
from simulation.baselines.catalogue import BASELINES, baselines
from simulation.baselines.cooccurrence import Pairs
from simulation.baselines.decay import Decayed
from simulation.baselines.popularity import Popularity
from simulation.baselines.trending import Trending
from simulation.baselines.window import WindowedClicks

ITEMS = 12
SEQUENCE_AWARE = ("co-occurrence", "blended", "session-neighbours", "item-neighbours", "ease")


def told(baseline: BaselineRecommender, sessions: list[list[int]], start_s: float = 0.0) -> float:
    """Tell whole sessions, an event a second; when the last one was."""
    time_s = start_s
    for number, items in enumerate(sessions):
        for place, item in enumerate(items):
            baseline.tell(Moment(time_s, number, number, items[:place]), item)
            time_s += 1.0
    return time_s


@pytest.mark.parametrize("name", BASELINES)
def test_a_list_is_distinct_known_and_without_the_sessions_items(name):
    baseline = BASELINES[name](ITEMS, name)
    now_s = told(baseline, [[1, 2, 3], [2, 3, 4], [5, 6]])
    ranked = baseline.rank(Moment(now_s, 9, 9, [2]), 20).tolist()
    assert set(ranked) <= {1, 3, 4, 5, 6} and len(set(ranked)) == len(ranked) > 0


@pytest.mark.parametrize("name", BASELINES)
def test_nothing_told_gives_an_empty_list(name):
    assert len(BASELINES[name](ITEMS, name).rank(Moment(0.0, 0, 0, [3]), 5)) == 0


@pytest.mark.parametrize("name", SEQUENCE_AWARE)
def test_what_always_follows_comes_first_though_others_are_more_popular(name):
    baseline = BASELINES[name](ITEMS, name)
    now_s = told(baseline, [[7, 8]] * 6 + [[1, 2]] * 9 + [[5], [5], [5], [5], [5], [5]] * 2)
    assert baseline.rank(Moment(now_s, 99, 99, [7]), 3)[0] == 8
    assert baseline.rank(Moment(now_s, 98, 98, [1]), 3)[0] == 2


@pytest.mark.parametrize("name", BASELINES)
def test_one_that_is_written_and_read_again_answers_the_same(name):
    baseline = BASELINES[name](ITEMS, name)
    now_s = told(baseline, [[1, 2, 3], [2, 3, 4], [5, 6]])
    again = pickle.loads(pickle.dumps(baseline))
    asked = Moment(now_s, 9, 9, [2])
    assert again.rank(asked, 5).tolist() == baseline.rank(asked, 5).tolist()


@pytest.mark.parametrize("half_life_s", [1.0, 60.0, 7 * 86_400.0])
def test_counts_decay_by_half_in_a_half_life_however_long_it_takes(half_life_s):
    decayed = Decayed(2, half_life_s)
    for step in range(2_000):  # far beyond where a factor of 2**n would overflow
        decayed.add(0, step * half_life_s)
    assert decayed.counts(1_999 * half_life_s)[0] == pytest.approx(2.0)
    assert decayed.counts(2_000 * half_life_s)[0] == pytest.approx(1.0)


def test_a_short_half_life_prefers_what_is_clicked_now():
    clicks = [(0.0, 1)] * 5 + [(3_600.0, 2)] * 2
    short, long = Popularity(ITEMS, 600.0, "short"), Popularity(ITEMS, 86_400.0, "long")
    for time_s, item in clicks:
        for each in (short, long):
            each.tell(Moment(time_s, 0, 0, []), item)
    now = Moment(3_600.0, 1, 1, [])
    assert short.rank(now, 2).tolist() == [2, 1] and long.rank(now, 2).tolist() == [1, 2]


def test_a_window_forgets_exactly_what_has_left_it():
    window = WindowedClicks(ITEMS, 10.0, "window")
    for time_s, item in [(0.0, 1), (0.0, 1), (5.0, 2)]:
        window.tell(Moment(time_s, 0, 0, []), item)
    assert window.rank(Moment(10.0, 1, 1, []), 2).tolist() == [1, 2]
    assert window.rank(Moment(10.5, 1, 1, []), 2).tolist() == [2]


def test_trending_prefers_the_newcomer_to_the_steady_item():
    trending = Trending(ITEMS, 60.0, 6_000.0, "trending")
    for minute in range(200):
        trending.tell(Moment(60.0 * minute, 0, 0, []), 1)
        if minute >= 199:
            trending.tell(Moment(60.0 * minute, 0, 0, []), 2)
            trending.tell(Moment(60.0 * minute, 0, 0, []), 2)
    assert trending.rank(Moment(60.0 * 199, 0, 0, []), 2).tolist() == [2, 1]


def test_pairs_count_both_ways_and_decay():
    pairs = Pairs(10.0)
    pairs.add(Moment(0.0, 0, 0, [1, 2]), 3)
    items, counts = pairs.of(3, 10.0)
    assert dict(zip(items.tolist(), counts.tolist(), strict=True)) == {1: 0.5, 2: 0.5}
    assert pairs.of(1, 0.0)[0].tolist() == [3]


def test_an_unknown_baseline_is_named_with_what_there_is():
    with pytest.raises(ConfigurationError, match=r"popular-7d, .*Received: 'nope'"):
        baselines(["nope"], ITEMS)
    assert [each.name for each in baselines(["all"], ITEMS)] == list(BASELINES)
    assert baselines(["none"], ITEMS) == []


def test_best_and_filled_keep_their_order():
    scores = np.array([0.0, 2.0, 5.0, 2.0])
    assert best(scores, 3).tolist() == [2, 1, 3] and best(scores, 1, [2]).tolist() == [1]
    assert filled(np.array([4]), np.array([1, 4, 2]), 3).tolist() == [4, 1, 2]
