"""Affinities of many entities, in the order of their strength, while events are added.

All fade alike, so that only those that gain can change places.
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
        self._used = np.count_nonzero(names, axis=1)
        known = int(self._used.max(initial=0))
        shape = len(names), known + most
        self._names = np.zeros(shape, np.int32)
        self._events, self._positives = np.zeros(shape), np.zeros(shape)
        self._names[:, :known] = names[:, :known]
        np.multiply(events[:, :known], left, out=self._events[:, :known])
        np.multiply(positives[:, :known], left, out=self._positives[:, :known])

    def add(self, entries: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> None:
        """One entry of each row's event, (rows,); `NOTHING` where it has no more."""
        has = entries != NOTHING
        if has.all():
            self._add(slice(None), entries, positive, weights)
        elif has.any():
            self._add(np.flatnonzero(has), entries[has], positive[has], weights[has])

    def write(self, names: np.ndarray, events: np.ndarray, positives: np.ndarray) -> None:
        """Fill in the strongest of them, (rows, tracked) each."""
        width = min(self._names.shape[1], names.shape[1])
        for into, table in (
            (names, self._names),
            (events, self._events),
            (positives, self._positives),
        ):
            into[:] = 0
            into[:, :width] = table[:, :width]

    def _add(
        self,
        rows: np.ndarray | slice,
        entries: np.ndarray,
        positive: np.ndarray,
        weights: np.ndarray,
    ) -> None:
        names, events, positives = self._names[rows], self._events[rows], self._positives[rows]
        each = np.arange(len(names))
        same = names == entries[:, None]
        is_known = same.any(1)
        place = np.where(is_known, same.argmax(1), self._used[rows])
        self._used[rows] += ~is_known
        strength = events[each, place] + weights
        positives_there = positives[each, place] + positive * weights
        columns = np.arange(names.shape[1])
        inside = columns <= place[:, None]
        stronger = ((events >= strength[:, None]) & (columns < place[:, None])).sum(1)
        shifts = inside & (columns > stronger[:, None])
        for table, own, value in (
            (self._names, names, entries),
            (self._events, events, strength),
            (self._positives, positives, positives_there),
        ):
            moved = own.copy()
            moved[:, 1:] = np.where(shifts[:, 1:], own[:, :-1], own[:, 1:])
            moved[each, stronger] = value
            table[rows] = moved
