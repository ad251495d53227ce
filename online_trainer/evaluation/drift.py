"""Drift: how far the newest inputs, labels and scores are from those of the rows before them.

Of each input, of the label and of the score there is a histogram of the newest rows and one of the
`REFERENCES` windows before. Their distance is the Jensen-Shannon divergence in bits: 0 where they
are the same, 1 where they have no value in common.

Numbers fall into bins by powers of two on either side of 0; ids into bins by their last bits, of a
list by its first one. A batch contributes some of its rows. Rows decide, not the clock, so that a
replay gives the same values.

Reference: Lin, IEEE Transactions on Information Theory 37(1), 1991,
https://doi.org/10.1109/18.61115, eq. 4.1 with equal weights.
"""

from collections.abc import Mapping

import numpy as np

from millstream.snapshots.layout import below

BINS = 32
REFERENCES = 10
MOST_INPUTS = 100
_ROWS_OF_A_BATCH = 32
_GRID = 0.003 * 2.0 ** np.arange(15)
_EDGES = np.concatenate([-_GRID[::-1], [0.0], _GRID])  # BINS - 1 of them


def divergence(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in bits along the last axis; NaN where one side is empty.

    Args:
        ours, theirs: (..., bins) counts.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = ours / ours.sum(axis=-1, keepdims=True)
        q = theirs / theirs.sum(axis=-1, keepdims=True)
        middle = (p + q) / 2.0
        terms = [np.where(each > 0, each * np.log2(each / middle), 0.0) for each in (p, q)]
    found: np.ndarray = (terms[0] + terms[1]).sum(axis=-1) / 2.0
    empty = (ours.sum(axis=-1) == 0) | (theirs.sum(axis=-1) == 0)
    return np.where(empty, np.nan, found)


class Drift:
    """Histograms of the newest rows, in windows.

    Args:
        rows: learnt from in a window.
    """

    def __init__(self, rows: int = 20_000) -> None:
        self._rows = rows
        self._names: list[str] = []
        # (windows, names, BINS), oldest first; the last one is being filled.
        self._counts = np.zeros((1, 0, BINS), np.int64)
        self._filled = 0

    def update(
        self, inputs: Mapping[str, np.ndarray], scores: np.ndarray, labels: np.ndarray
    ) -> None:
        """Count a batch: (rows,) or (rows, length) columns, and (rows,) scores and labels."""
        stride = max(1, len(labels) // _ROWS_OF_A_BATCH)
        names = [*sorted(inputs)[:MOST_INPUTS], "label", "score"]
        if names != self._names:
            self._rename(names)
        columns = [inputs[name][::stride] for name in names[:-2]]
        columns += [labels[::stride], scores[::stride]]
        firsts = [column if column.ndim == 1 else column[:, 0] for column in columns]
        bins = np.stack([_bins(column) for column in firsts])
        flat = bins + BINS * np.arange(len(names))[:, None]
        counts = np.bincount(flat.ravel(), minlength=len(names) * BINS)
        self._counts[-1] += counts.reshape(len(names), BINS)
        self._filled += len(labels)
        if self._filled >= self._rows:
            empty = np.zeros((1, *self._counts.shape[1:]), np.int64)
            self._counts = np.concatenate([self._counts, empty])[-(REFERENCES + 2) :]
            self._filled = 0

    def values(self) -> dict[str, float]:
        """Divergence of the newest full window from those before it, by name; empty without one."""
        if len(self._counts) < 3:
            return {}
        found = divergence(self._counts[-2], self._counts[:-2].sum(axis=0))
        return {n: v for n, v in zip(self._names, found.tolist(), strict=True) if v == v}

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; `restore` takes them back."""
        counts = {f"counts/{n}": self._counts[:, place] for place, n in enumerate(self._names)}
        return {**counts, "filled": np.array([self._filled, len(self._counts)])}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state`; one that has none begins anew."""
        if "filled" not in state:
            return
        counts = below("counts", state)
        self._filled, windows = map(int, state["filled"])
        self._names = [*sorted(counts.keys() - {"label", "score"}), "label", "score"]
        if not counts:
            self._names = []
        self._counts = np.zeros((windows, len(self._names), BINS), np.int64)
        for place, name in enumerate(self._names):
            self._counts[:, place] = counts[name]

    def _rename(self, names: list[str]) -> None:
        """Other inputs: those that stay keep their counts."""
        counts = np.zeros((len(self._counts), len(names), BINS), np.int64)
        for place, name in enumerate(names):
            if name in self._names:
                counts[:, place] = self._counts[:, self._names.index(name)]
        self._names, self._counts = names, counts


def _bins(column: np.ndarray) -> np.ndarray:
    """(rows,) bins of numbers, or of ids."""
    if column.dtype.kind == "f":
        return np.searchsorted(_EDGES, column, side="right")
    return column & (BINS - 1)
