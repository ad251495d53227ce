"""Neighbours among items, or among users, by the cosine of who met what.

cosine(i, j) = met both / sqrt(met i * met j)

References: Sarwar et al., WWW 2001, https://doi.org/10.1145/371920.372071 (items); Herlocker et
al., SIGIR 1999, https://doi.org/10.1145/312624.312682 (users).
"""

import numpy as np
from scipy import sparse

from models.collaborative.ease import binary


def cosine(both: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine of two sets from the sizes of what they share and of each; 0 for an empty one.

    >>> float(cosine(np.array(2.0), np.array(4.0), np.array(1.0)))
    1.0
    """
    sizes = np.sqrt(np.asarray(one, np.float64) * other)
    return np.divide(both, sizes, out=np.zeros_like(sizes), where=sizes > 0)


class ItemNeighbours:
    """The sum, over what the user met, of the cosines of its nearest items.

    Args:
        neighbours: of each item, that are kept.
    """

    def __init__(self, *, neighbours: int = 100) -> None:
        self.neighbours = neighbours
        self.similarity = sparse.csr_matrix((0, 0))

    def fit(self, matrix: sparse.csr_matrix) -> None:
        """Keep the nearest items of each."""
        self.similarity = nearest(binary(matrix).T.tocsr(), self.neighbours)

    def scores(self, users: np.ndarray, histories: sparse.csr_matrix) -> np.ndarray:
        """The histories' rows times the similarity."""
        return np.asarray((binary(histories) @ self.similarity).todense())


class UserNeighbours:
    """What the nearest users met, each vote by the cosine.

    Args:
        neighbours: users who vote.
    """

    def __init__(self, *, neighbours: int = 100) -> None:
        self.neighbours = neighbours
        self.met = sparse.csr_matrix((0, 0))

    def fit(self, matrix: sparse.csr_matrix) -> None:
        """Keep the matrix."""
        self.met = binary(matrix)

    def scores(self, users: np.ndarray, histories: sparse.csr_matrix) -> np.ndarray:
        """Votes of the users nearest to each history; a user has no vote in an own list."""
        given = binary(histories)
        similar = _cosines(given, self.met)
        known = np.flatnonzero(users >= 0)
        similar[known, users[known]] = 0.0
        return np.asarray(sparse.csr_matrix(_kept(similar, self.neighbours)) @ self.met.todense())


def nearest(sets: sparse.csr_matrix, count: int, block: int = 1024) -> sparse.csr_matrix:
    """(n, n) cosines of each row and its `count` nearest other rows, 0 elsewhere."""
    parts = []
    for start in range(0, sets.shape[0], block):
        similar = _cosines(sets[start : start + block], sets)
        rows = np.arange(len(similar))
        similar[rows, start + rows] = 0.0
        parts.append(sparse.csr_matrix(_kept(similar, count)))
    return sparse.vstack(parts).tocsr()


def _cosines(one: sparse.csr_matrix, other: sparse.csr_matrix) -> np.ndarray:
    both = np.asarray((one @ other.T).todense())
    sizes = (np.asarray(each.sum(axis=1)).ravel() for each in (one, other))
    return cosine(both, *np.meshgrid(*sizes, indexing="ij"))


def _kept(similar: np.ndarray, count: int) -> np.ndarray:
    """The `count` greatest of each row, 0 for the others."""
    if count >= similar.shape[1]:
        return similar
    least = np.partition(similar, -count, axis=1)[:, -count][:, None]
    return np.where(similar >= least, similar, 0.0)
