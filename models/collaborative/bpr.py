"""Bayesian personalised ranking: a user's items over others, by matrix factorisation.

min -sum ln sigmoid(x_ui - x_uj) + l |theta|^2 over triples of a user, an item of theirs and another
one; x_ui = <p_u, q_i> + b_i.

Reference: Rendle et al., UAI 2009, https://arxiv.org/abs/1205.2618, section 4.
"""

import numpy as np
from scipy import sparse


class Bpr:
    """Stochastic gradient descent on triples drawn uniformly.

    Args:
        width: of vectors.
        learning_rate: of a triple.
        regularisation: l above.
        epochs: each as many triples as the matrix has entries.
        batch: triples whose gradients are taken at once.
        seed: of first vectors and triples.
    """

    def __init__(
        self,
        *,
        width: int = 32,
        learning_rate: float = 0.05,
        regularisation: float = 0.01,
        epochs: int = 50,
        batch: int = 256,
        seed: int = 0,
    ) -> None:
        self.width, self.learning_rate, self.regularisation = width, learning_rate, regularisation
        self.epochs, self.batch, self.seed = epochs, batch, seed
        self.users = self.items = np.empty((0, width))
        self.bias = np.empty(0)

    def fit(self, matrix: sparse.csr_matrix) -> None:
        """Learn, from vectors that begin near 0."""
        rng = np.random.default_rng(self.seed)
        users, items = matrix.shape
        self.users = rng.normal(scale=0.1, size=(users, self.width))
        self.items = rng.normal(scale=0.1, size=(items, self.width))
        self.bias = np.zeros(items)
        who = np.repeat(np.arange(users), np.diff(matrix.indptr))
        keys = np.sort(who * items + matrix.indices)
        for _ in range(self.epochs):
            order = rng.permutation(len(who))
            for start in range(0, len(order), self.batch):
                part = order[start : start + self.batch]
                others = self._others(who[part], keys, items, rng)
                self._step(who[part], matrix.indices[part], others)

    def scores(self, users: np.ndarray, histories: sparse.csr_matrix) -> np.ndarray:
        """x_ui; users that were not learnt have the mean of their items as their vector."""
        known = np.where((users >= 0)[:, None], self.users[np.maximum(users, 0)], 0.0)
        sizes = np.maximum(np.diff(histories.indptr), 1)[:, None]
        means = np.asarray(histories.astype(bool).astype(float) @ self.items) / sizes
        vectors = np.where((users >= 0)[:, None], known, means)
        return vectors @ self.items.T + self.bias

    def _others(
        self, users: np.ndarray, keys: np.ndarray, items: int, rng: np.random.Generator
    ) -> np.ndarray:
        """An item for each user that is none of theirs; any, after ten draws that were."""
        found = rng.integers(0, items, len(users))
        for _ in range(10):
            wanted = users * items + found
            place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            own = np.flatnonzero(keys[place] == wanted)
            if not len(own):
                break
            found[own] = rng.integers(0, items, len(own))
        return found

    def _step(self, users: np.ndarray, items: np.ndarray, others: np.ndarray) -> None:
        slopes = self.gradients(users, items, others)
        targets = (self.users, self.items, self.items, self.bias, self.bias)
        places = (users, items, others, items, others)
        for target, place, slope in zip(targets, places, slopes, strict=True):
            np.subtract.at(target, place, self.learning_rate * slope)

    def gradients(
        self, users: np.ndarray, items: np.ndarray, others: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Of each triple's loss by p_u, q_i, q_j, b_i and b_j."""
        p, q_i, q_j = self.users[users], self.items[items], self.items[others]
        b_i, b_j = self.bias[items], self.bias[others]
        margin = (p * (q_i - q_j)).sum(axis=1) + b_i - b_j
        missed = 1.0 / (1.0 + np.exp(margin))  # of -ln sigmoid(m), by -m
        pull, twice = missed[:, None], 2.0 * self.regularisation
        return (
            -pull * (q_i - q_j) + twice * p,
            -pull * p + twice * q_i,
            pull * p + twice * q_j,
            -missed + twice * b_i,
            missed + twice * b_j,
        )
