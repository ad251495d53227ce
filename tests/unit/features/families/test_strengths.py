"""Affinities in order, against a list of entries in plain Python."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.families.strengths import Strengths

ROWS, TRACKED, MOST = 3, 4, 3
ENTRIES = st.lists(st.lists(st.integers(0, 6), min_size=MOST, max_size=MOST), min_size=1)
# Too little to make a difference, half, whole.
WEIGHTS = st.sampled_from([1e-20, 0.5, 1.0])


@given(ENTRIES, WEIGHTS, st.sampled_from([0.5, 1.0]))
def test_what_gains_goes_behind_all_that_are_as_strong(events, weight, left):
    names = np.zeros((ROWS, TRACKED), np.int32)
    counts, positives = np.zeros((ROWS, TRACKED)), np.zeros((ROWS, TRACKED))
    expected: list[list[list[float]]] = [[] for _ in range(ROWS)]
    for event in events:
        # Each row has the entries in another order, and one of its own.
        entries = np.array([np.roll(event, row) for row in range(ROWS)], np.int32)
        positive = np.arange(ROWS) % 2 == 0
        strengths = Strengths(names, counts, positives, np.full((ROWS, 1), left), MOST)
        for column in entries.T:
            strengths.add(column, positive, np.full(ROWS, weight))
        strengths.write(names, counts, positives)
        for row, known in enumerate(expected):
            _fade(known, left)
            for entry in entries[row].tolist():
                _gain(known, entry, weight, weight * positive[row])
            del known[TRACKED:]
            padded = known + [[0, 0.0, 0.0]] * (TRACKED - len(known))
            got = zip(names[row], counts[row], positives[row], strict=True)
            assert [tuple(each) for each in padded] == list(got)


def _fade(known: list[list[float]], left: float) -> None:
    for each in known:
        each[1:] = [each[1] * left, each[2] * left]


def _gain(known: list[list[float]], entry: int, weight: float, positive: float) -> None:
    if not entry:
        return
    place = next((n for n, each in enumerate(known) if each[0] == entry), len(known))
    _, count, good = known.pop(place) if place < len(known) else (entry, 0.0, 0.0)
    stronger = sum(each[1] >= count + weight for each in known[:place])
    known.insert(stronger, [entry, count + weight, good + positive])
