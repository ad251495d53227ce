"""Affinities of many entities, in the order of their strength, while events are added.

All fade alike, so that only those that gain change places: each goes behind all that are as strong.
They are put aside as they gain, behind the others, and one stable sort brings all into order.
"""

import numpy as np

from features.interner import NOTHING


class Strengths:
    """Affinities of (rows,) entities while one event of each is added, entry by entry.

    Args:
        names: (rows, tracked) entries, the strongest first, padded with `NOTHING`.
        events, positives: (rows, tracked) of each.
        left: (rows, 1) what is left of them.
        most: how many entries may be added.
    """

    def __init__(
        self,
        names: np.ndarray,
        events: np.ndarray,
        positives: np.ndarray,
        left: np.ndarray,
        most: int,
    ) -> None:
        known = int(np.count_nonzero(names, axis=1).max(initial=0))
        shape = len(names), known + most
        self._aside = known
        self._names = np.zeros(shape, np.int32)
        self._events, self._positives = np.zeros(shape), np.zeros(shape)
        self._names[:, :known] = names[:, :known]
        np.multiply(events[:, :known], left, out=self._events[:, :known])
        np.multiply(positives[:, :known], left, out=self._positives[:, :known])

    def add(self, entries: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> None:
        """One entry of each row's event, (rows,); `NOTHING` where it has no more."""
        rows = np.flatnonzero(entries)
        if not len(rows):
            return
        if len(rows) < len(entries):
            entries, positive, weights = entries[rows], positive[rows], weights[rows]
            same = self._names[rows] == entries[:, None]
        else:
            same = self._names == entries[:, None]
        place = same.argmax(1)
        place = np.where(same[np.arange(len(rows)), place], place, self._aside)
        before = self._events[rows, place]
        strength = before + weights
        positives = self._positives[rows, place] + positive * weights
        # What weighs too little to make a difference stays where it is.
        to = np.where(strength > before, self._aside, place)
        for table, value in (
            (self._names, entries),
            (self._events, strength),
            (self._positives, positives),
        ):
            table[rows, place] = 0
            table[rows, to] = value
        self._aside += 1

    def write(self, names: np.ndarray, events: np.ndarray, positives: np.ndarray) -> None:
        """Fill in the strongest of them, (rows, tracked) each."""
        width = min(self._names.shape[1], names.shape[1])
        weakness = np.where(self._names == NOTHING, np.inf, -self._events)
        order = weakness.argsort(axis=1, kind="stable")[:, :width]
        order += np.arange(len(order))[:, None] * self._names.shape[1]
        for into, table in (
            (names, self._names),
            (events, self._events),
            (positives, self._positives),
        ):
            into[:, :width] = table.ravel()[order]
            into[:, width:] = 0
