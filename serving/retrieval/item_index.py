"""Maximum inner product search, exact, over a matrix that grows without a rebuild.

Rows are those of the catalogue. A search is one matrix-vector product and one partition:
500 of 100,000 rows of 32 numbers take about 2 ms on one core.
"""

import numpy as np

from serving.catalogue.growable_array import GrowableArray


class ItemIndex:
    """Item vectors by catalogue row.

    Args:
        dim: width of the vectors.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._vectors = GrowableArray(np.zeros(dim, np.float32))
        self._present = GrowableArray(np.bool_(False))
        self._refused = GrowableArray(np.bool_(False))
        self._size = 0  # rows in use are below it

    def __len__(self) -> int:
        return int(np.count_nonzero(self._present.head(self._size)))

    @property
    def refused(self) -> int:
        """Items whose vector was not finite: they have none, and are found by other sources."""
        return int(np.count_nonzero(self._refused.head(self._size)))

    def put(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Add or replace `vectors`, shape (n, dim), at `rows`, shape (n,).

        A row whose vector is not finite loses the one it had; the others are not concerned.

        Raises:
            ValueError: the vectors are not `dim` wide.
        """
        if vectors.shape != (len(rows), self.dim):
            raise ValueError(
                f"`vectors` must have shape {(len(rows), self.dim)}. Received: {vectors.shape}."
            )
        finite = np.isfinite(vectors).all(axis=1)
        self._vectors.put(rows, np.where(finite[:, None], vectors, np.float32(0.0)))
        self._present.put(rows, finite)
        self._refused.put(rows, ~finite)
        self._size = max(self._size, int(rows.max(initial=-1)) + 1)

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """Vectors at `rows`, shape (n, dim); zeros where there is none."""
        return self._vectors.take(rows)

    def has(self, rows: np.ndarray) -> np.ndarray:
        """Which of `rows` have a vector, shape (n,), bool."""
        return self._present.take(rows)

    def search(
        self, query: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rows with the greatest inner product with `query`, best first.

        Of several queries, such as a user's interests, the greatest product counts: the best of
        what each finds, merged.

        Args:
            query: shape (dim,) or (queries, dim).
            k: how many at most.
            allowed: shape (rows,), bool; rows beyond its end are not allowed. None allows all.

        Returns:
            Rows and their inner products, shapes (found,), int64 and float32.
        """
        mask = self._present.head(self._size)
        if allowed is not None:
            mask = mask[: len(allowed)] & allowed[: len(mask)]
        scores = self._vectors.head(len(mask)) @ np.asarray(query, dtype=np.float32).T
        if scores.ndim == 2:
            scores = scores.max(axis=1)
        scores = np.where(mask, scores, np.float32(-np.inf))
        rows = top_k(scores, min(k, int(np.count_nonzero(mask))))
        return rows, scores[rows]


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k greatest scores, greatest first, ties by position; int64.

    >>> top_k(np.array([1.0, 5.0, 3.0, 5.0]), 3)
    array([1, 3, 2])
    """
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        above = np.flatnonzero(scores > least)
        level = np.flatnonzero(scores == least)[: k - len(above)]
        found = np.concatenate([above, level])
    else:
        found = np.arange(len(scores))
    return found[np.argsort(-scores[found], kind="stable")]  # those that tie stand by position
