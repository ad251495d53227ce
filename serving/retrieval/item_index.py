"""Maximum inner product search, exact, over a matrix that grows without a rebuild.

Rows are those of the catalogue. A search is one matrix-vector product and one partition:
500 of 100,000 rows of 32 numbers take about 2 ms on one core.
"""

import numpy as np

_FIRST_CAPACITY = 1024


class ItemIndex:
    """Item vectors by catalogue row.

    Args:
        dim: width of the vectors.
    """

    def __init__(self, dim: int) -> None:
        self._vectors = np.zeros((_FIRST_CAPACITY, dim), dtype=np.float32)
        self._present = np.zeros(_FIRST_CAPACITY, dtype=bool)
        self._size = 0  # rows in use are below it

    def __len__(self) -> int:
        return int(np.count_nonzero(self._present))

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self._vectors.shape[1]

    def put(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Add or replace `vectors`, shape (n, dim), at `rows`, shape (n,).

        Raises:
            ValueError: a vector is not finite or not `dim` wide.
        """
        if vectors.shape != (len(rows), self.dim):
            raise ValueError(
                f"`vectors` must have shape {(len(rows), self.dim)}. Received: {vectors.shape}."
            )
        if not np.isfinite(vectors).all():
            raise ValueError("`vectors` must be finite. Received: NaN or infinity.")
        if len(rows) == 0:
            return
        self._reserve(int(rows.max()) + 1)
        self._vectors[rows] = vectors
        self._present[rows] = True

    def remove(self, rows: np.ndarray) -> None:
        """Forget `rows`; rows that are not there are left alone."""
        self._present[rows[rows < self._size]] = False

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """Vectors at `rows`, shape (n, dim); zeros where there is none."""
        inside = rows < self._size
        found = np.zeros((len(rows), self.dim), dtype=np.float32)
        found[inside] = self._vectors[rows[inside]]
        found[inside] *= self._present[rows[inside], None]
        return found

    def has(self, rows: np.ndarray) -> np.ndarray:
        """Which of `rows` have a vector, shape (n,), bool."""
        inside = rows < self._size
        found = np.zeros(len(rows), dtype=bool)
        found[inside] = self._present[rows[inside]]
        return found

    def search(
        self, query: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rows with the greatest inner product with `query`, best first.

        Args:
            query: shape (dim,).
            k: how many at most.
            allowed: shape (rows,), bool; rows beyond its end are not allowed. None allows all.

        Returns:
            Rows and their inner products, shapes (found,), int64 and float32.
        """
        mask = self._present[: self._size]
        if allowed is not None:
            mask = mask[: len(allowed)] & allowed[: self._size]
        scores = self._vectors[: len(mask)] @ np.asarray(query, dtype=np.float32)
        scores[~mask] = -np.inf
        found = min(k, int(np.count_nonzero(mask)))
        rows = top(scores, found)
        return rows, scores[rows]

    def _reserve(self, size: int) -> None:
        capacity = len(self._vectors)
        if size > capacity:
            grown = max(size, 2 * capacity)
            vectors = np.zeros((grown, self.dim), dtype=np.float32)
            present = np.zeros(grown, dtype=bool)
            vectors[:capacity], present[:capacity] = self._vectors, self._present
            self._vectors, self._present = vectors, present
        self._size = max(self._size, size)


def top(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k greatest scores, greatest first, ties by position; int64.

    >>> top(np.array([1.0, 5.0, 3.0, 5.0]), 3)
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
    return found[np.lexsort((found, -scores[found]))]
