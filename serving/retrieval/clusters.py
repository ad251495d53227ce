"""Item vectors in clusters: a search looks at those that are nearest to the query.

An inverted file: k-means of a sample gives centres, every item is in the list of the nearest one. A
list is replaced and never written to, so another thread may read while one writes; a search may
lack an item whose vector is being replaced at that moment.

Reference: Jegou, Douze and Schmid, TPAMI 2011, https://doi.org/10.1109/TPAMI.2010.57.
"""

import numpy as np

from serving.catalogue.growable_array import GrowableArray

NOWHERE = -1
_SAMPLED = 40  # items a cluster that centres are learnt from
_ROUNDS = 8
_CHUNK = 4096
_SEED = 20260101


def sample(rows: np.ndarray) -> np.ndarray:
    """Some of `rows`, from which the centres of all may be learnt."""
    size = min(_SAMPLED * clusters_for(len(rows)), len(rows))
    return np.sort(np.random.default_rng(_SEED).choice(rows, size, replace=False))


def clusters_for(items: int) -> int:
    """How many clusters: then looking for the nearest costs about what looking into one does.

    >>> clusters_for(1_000_000)
    1000
    """
    return max(round(items**0.5), 1)


def centres_of(vectors: np.ndarray) -> np.ndarray:
    """Centres of a sample by Lloyd's k-means, (clusters, dim) float32; a centre may be of nothing.

    Args:
        vectors: shape (n, dim), as `sample` chose them.
    """
    count = max(len(vectors) // _SAMPLED, 1)
    start = np.random.default_rng(_SEED).choice(len(vectors), count, replace=False)
    centres = vectors[start].astype(np.float32)
    for _ in range(_ROUNDS):
        nearest = _nearest(centres, _half_squares(centres), vectors)
        sizes = np.bincount(nearest, minlength=count)
        sums = [np.bincount(nearest, column, minlength=count) for column in vectors.T]
        has_any = sizes > 0
        centres[has_any] = (np.stack(sums, axis=1)[has_any] / sizes[has_any, None]).astype("f4")
    return centres


class Clusters:
    """Which rows are near which centre.

    Args:
        centres: shape (clusters, dim), float32.
    """

    def __init__(self, centres: np.ndarray) -> None:
        self._centres, self._half_squares = centres, _half_squares(centres)
        self._lists = [np.empty(0, np.int32) for _ in centres]
        self._of = GrowableArray(np.int32(NOWHERE))

    def put(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Move `rows`, shape (n,), each once, to where their `vectors`, (n, dim), belong."""
        self._move(rows, _nearest(self._centres, self._half_squares, vectors))

    def drop(self, rows: np.ndarray) -> None:
        """Take `rows` out."""
        self._move(rows, np.full(len(rows), NOWHERE))

    def near(self, query: np.ndarray, count: int) -> np.ndarray:
        """Rows of the nearest clusters, at least `count` of them where there are so many, int32.

        Args:
            query: shape (dim,) or (queries, dim); of several the nearest counts.
        """
        products = (self._centres @ np.atleast_2d(query).T).max(axis=1)
        lists = list(self._lists)  # as they are now
        order = np.argsort(-products, kind="stable")
        sizes = np.fromiter(map(len, lists), np.int64, len(lists))
        enough = int(np.searchsorted(np.cumsum(sizes[order]), count)) + 1
        return np.concatenate([lists[at] for at in order[:enough]])

    def _move(self, rows: np.ndarray, to: np.ndarray) -> None:
        old = self._of.take(rows)
        moved = old != to
        rows, old, to = rows[moved].astype(np.int32), old[moved], to[moved]
        for at in np.unique(old[old != NOWHERE]).tolist():
            kept = self._lists[at]
            self._lists[at] = kept[~np.isin(kept, rows[old == at])]
        order = np.argsort(to, kind="stable")
        distinct, starts = np.unique(to[order], return_index=True)
        for at, part in zip(distinct.tolist(), np.split(rows[order], starts[1:]), strict=False):
            if at != NOWHERE:
                self._lists[at] = np.concatenate([self._lists[at], part])
        self._of.put(rows, to)


def _half_squares(centres: np.ndarray) -> np.ndarray:
    """Half of the square of each centre's length: x c - |c|^2 / 2 is greatest at the nearest."""
    squares: np.ndarray = (centres**2).sum(axis=1) / 2.0
    return squares


def _nearest(centres: np.ndarray, half_squares: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The nearest centre of each vector by distance, (n,) int32."""
    found = [np.empty(0, np.int32)]
    for start in range(0, len(vectors), _CHUNK):
        products = vectors[start : start + _CHUNK] @ centres.T - half_squares
        found.append(products.argmax(axis=1).astype(np.int32))
    return np.concatenate(found)
