"""Item vectors from baskets: skip-gram over the pairs of a basket, whatever their order.

With negative sampling: -log sigmoid(<u_i, v_j>) - sum_n log sigmoid(-<u_i, v_n>), n drawn by
count^0.75. The pairs of a step share their draws, of which there are more, each weighing less: the
gradient is the same in expectation, and one product of matrices. With hierarchical softmax: the
path to j in a Huffman tree, -sum_n log sigmoid(s_n <u_i, v_n>), s_n = 1 to the left. Frequent items
are left out with chance 1 - sqrt(rate / frequency).

References: Barkan & Koenigstein, 2016, https://arxiv.org/abs/1603.04259; Mikolov et al., NIPS 2013,
https://arxiv.org/abs/1310.4546, eq. 3 to 5.
"""

from typing import Literal

import numpy as np
from scipy import sparse

from models.collaborative.huffman import paths

SHARED = 64  # items drawn for the pairs of a step


class Item2Vec:
    """Vectors u of items, compared by cosine.

    Args:
        width: of vectors.
        loss: which of both.
        negatives: what all draws of a step weigh for a pair.
        pairs: of a basket, at most, for each of its items: the others are drawn.
        rate: of sub-sampling; None keeps all.
        learning_rate: of Adagrad.
        epochs: over the baskets.
        batch: pairs whose gradients are taken at once.
        seed: of first vectors and draws.

    Raises:
        ValueError: an unknown `loss`.
    """

    def __init__(
        self,
        *,
        width: int = 32,
        loss: Literal["negatives", "hierarchical"] = "negatives",
        negatives: int = 5,
        pairs: int = 10,
        rate: float | None = 1e-3,
        learning_rate: float = 0.3,
        epochs: int = 10,
        batch: int = 1024,
        seed: int = 0,
    ) -> None:
        if loss not in ("negatives", "hierarchical"):
            raise ValueError(f"`loss` must be 'negatives' or 'hierarchical'. Received: {loss!r}.")
        self.width, self.loss, self.negatives, self.pairs = width, loss, negatives, pairs
        self.rate, self.learning_rate, self.epochs = rate, learning_rate, epochs
        self.batch, self.seed = batch, seed
        self.vectors = np.empty((0, width))

    def fit(self, matrix: sparse.csr_matrix) -> None:
        """Learn from the rows of a matrix as baskets."""
        rng, items = np.random.default_rng(self.seed), matrix.shape[1]
        counts = np.bincount(matrix.indices, minlength=items).astype(np.float64)
        first = (rng.random((items, self.width)) - 0.5) / self.width
        self.vectors, outputs = first.astype(np.float32), np.zeros_like(first, np.float32)
        squares = tuple(np.full(items, 1e-6, np.float32) for _ in range(2))
        draws = np.cumsum(counts**0.75) / np.sum(counts**0.75)
        tree = paths(counts) if self.loss == "hierarchical" else None
        for _ in range(self.epochs):
            centres, contexts = self._pairs(matrix, counts, rng)
            order = rng.permutation(len(centres))
            for start in range(0, len(order), self.batch):
                part = order[start : start + self.batch]
                centre, context = centres[part], contexts[part]
                if tree is None:
                    others = np.searchsorted(draws, rng.random(SHARED))
                    slopes = self._drawn(centre, context, others, outputs)
                    targets = np.concatenate([context, others])
                else:
                    targets, labels, weights = (of[context] for of in tree)
                    slopes = gradients(self.vectors[centre], outputs[targets], labels, weights)
                self._move(self.vectors, squares[0], centre, slopes[0])
                flat = slopes[1].reshape(-1, self.width)
                self._move(outputs, squares[1], targets.ravel(), flat)

    def scores(self, users: np.ndarray, histories: sparse.csr_matrix) -> np.ndarray:
        """Cosines of all items with the sum of the history's."""
        units = self._units()
        return np.asarray(histories.astype(bool).astype(float) @ units) @ units.T

    def similar(self, item: int, k: int) -> np.ndarray:
        """The `k` items nearest to `item` by cosine, best first, itself left out."""
        units = self._units()
        cosines = units @ units[item]
        cosines[item] = -np.inf
        return np.argsort(-cosines, kind="stable")[:k]

    def _units(self) -> np.ndarray:
        length = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        return self.vectors / np.maximum(length, 1e-12)

    def _pairs(
        self, matrix: sparse.csr_matrix, counts: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Centres and contexts: each item that is kept with some others of its basket."""
        kept = np.ones(len(matrix.indices), bool)
        if self.rate is not None:
            frequency = counts[matrix.indices] / counts.sum()
            kept = rng.random(len(kept)) < np.sqrt(self.rate / frequency)
        basket = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))[kept]
        item = matrix.indices[kept]
        sizes = np.bincount(basket, minlength=matrix.shape[0])
        first = np.r_[0, np.cumsum(sizes)][basket]
        size = sizes[basket]
        place = np.arange(len(item)) - first
        each = np.minimum(size - 1, self.pairs)
        centre = np.repeat(np.arange(len(item)), each)
        turn = np.arange(len(centre)) - np.repeat(np.r_[0, np.cumsum(each)][:-1], each)
        # Where all fit, the next ones round the basket; else as many draws among the others.
        drawn = rng.integers(0, 1 << 62, len(centre)) % np.maximum(size[centre] - 1, 1)
        step = 1 + np.where(size[centre] - 1 <= self.pairs, turn, drawn)
        other = first[centre] + (place[centre] + step) % np.maximum(size[centre], 1)
        return item[centre], item[other]

    def _drawn(
        self, centres: np.ndarray, contexts: np.ndarray, others: np.ndarray, outputs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gradients by the centres' vectors, and by the outputs of contexts and then of others.

        A draw that is a pair's own context does not count for it.
        """
        u, v, drawn = self.vectors[centres], outputs[contexts], outputs[others]
        missed = (_sigmoid(np.einsum("nd,nd->n", u, v)) - 1.0)[:, None]
        share = np.float32(self.negatives / len(others))
        pull = _sigmoid(u @ drawn.T) * share
        pull[contexts[:, None] == others] = 0.0
        return missed * v + pull @ drawn, np.concatenate([missed * u, pull.T @ u])

    def _move(
        self, table: np.ndarray, squares: np.ndarray, rows: np.ndarray, slopes: np.ndarray
    ) -> None:
        """Row-wise Adagrad, on the sum of a row's gradients."""
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        starts = np.flatnonzero(np.r_[True, ascending[1:] != ascending[:-1]])
        distinct = ascending[starts]
        total = np.add.reduceat(slopes[order], starts)
        squares[distinct] += np.square(total).mean(axis=1)
        table[distinct] -= self.learning_rate * total / np.sqrt(squares[distinct])[:, None]


def gradients(
    centres: np.ndarray, outputs: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of -sum_n w_n log sigmoid((2 y_n - 1) <u, v_n>), by u and by each v_n.

    Args:
        centres: (n, width) u.
        outputs: (n, m, width) v.
        labels: (n, m) y, 0 or 1.
        weights: (n, m) w; 0 leaves a column out.

    Returns:
        (n, width) and (n, m, width).
    """
    pull = weights * (_sigmoid(np.einsum("nd,nmd->nm", centres, outputs)) - labels)
    return np.einsum("nm,nmd->nd", pull, outputs), pull[:, :, None] * centres[:, None, :]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))
