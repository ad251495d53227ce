"""Maximum inner product search over a matrix that grows without a rebuild.

Rows are those of the catalogue. A search is exact, one matrix-vector product and one partition:
500 of 100,000 rows of 32 numbers take about 2 ms on one core. Of very many items it may look at
the nearest clusters alone (`clusters.py`).
"""

from dataclasses import dataclass

import numpy as np

from serving.catalogue.growable_array import GrowableArray
from serving.retrieval.clusters import Clusters, centres_of
from serving.retrieval.order import top_k

# Where so small a share of the items is allowed, all of them are looked at.
_FEW = 0.125
# Candidates for each of the k that are wanted, at the least.
_DEEPER = 4


@dataclass(frozen=True)
class IndexOptions:
    """How items are searched.

    Args:
        exact_below: number of items below which a search looks at all of them.
        share: of them that it looks at else, in the clusters nearest to the query.
    """

    exact_below: int = 300_000
    share: float = 0.05


class ItemIndex:
    """Item vectors by catalogue row.

    Args:
        dim: width of the vectors.
        share: of all items that a search looks at, once they are in clusters.

    Attributes:
        asked: the newest search, its query and what it was allowed; for `recall.py`.
    """

    def __init__(self, dim: int, share: float = 1.0) -> None:
        self.dim = dim
        self.asked: tuple[np.ndarray, np.ndarray | None] | None = None
        self._share = share
        self._clusters: Clusters | None = None
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

    @property
    def is_exact(self) -> bool:
        """True if a search looks at everything."""
        return self._clusters is None

    def cluster(self, vectors: np.ndarray) -> None:
        """Keep what is put from now on in clusters.

        Args:
            vectors: of a sample of the items (`clusters.sample`), shape (n, dim).
        """
        finite = vectors[np.isfinite(vectors).all(axis=1)]
        if len(finite):
            self._clusters = Clusters(centres_of(finite))

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
        if self._clusters is not None:
            self._clusters.put(rows[finite], vectors[finite])
            self._clusters.drop(rows[~finite])

    def drop(self, rows: np.ndarray) -> None:
        """Take `rows`, shape (n,), out: they are found no more."""
        self._present.put(rows, False)
        self._refused.put(rows, False)
        if self._clusters is not None:
            self._clusters.drop(rows)

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
        self.asked = (query, allowed)
        mask = self._mask(allowed)
        if self._clusters is None:
            return self._exact(query, k, mask)
        return self._clustered(self._clusters, query, k, mask)

    def exact(
        self, query: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What `search` finds if it looks at everything."""
        return self._exact(query, k, self._mask(allowed))

    def _mask(self, allowed: np.ndarray | None) -> np.ndarray:
        mask = self._present.head(self._size)
        return mask if allowed is None else mask[: len(allowed)] & allowed[: len(mask)]

    def _clustered(
        self, clusters: Clusters, query: np.ndarray, k: int, mask: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """As many as there are, up to k: where clusters hold too few, more are looked into."""
        there = int(np.count_nonzero(mask))
        if there <= max(_FEW * len(mask), _DEEPER * k):
            return self._best(query, k, np.flatnonzero(mask))
        count = max(self._share * len(mask), _DEEPER * k)
        while count < len(mask):
            rows = clusters.near(query, int(count))
            rows = rows[rows < len(mask)]
            rows = rows[mask[rows]]
            if len(rows) >= _DEEPER * k:
                return self._best(query, k, np.sort(rows).astype(np.int64))
            count *= 4
        return self._exact(query, k, mask)

    def _best(self, query: np.ndarray, k: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = self._products(self._vectors.take(rows), query)
        best = top_k(scores, min(k, len(rows)))
        return rows[best], scores[best]

    @staticmethod
    def _products(vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
        scores = vectors @ np.asarray(query, dtype=np.float32).T
        return scores.max(axis=1) if scores.ndim == 2 else scores

    def _exact(self, query: np.ndarray, k: int, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = self._products(self._vectors.head(len(mask)), query)
        scores = np.where(mask, scores, np.float32(-np.inf))
        rows = top_k(scores, min(k, int(np.count_nonzero(mask))))
        return rows, scores[rows]
