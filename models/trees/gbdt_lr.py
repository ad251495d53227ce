"""Trees and logistic regression: p = sigmoid(b + sum_t w_{t, leaf_t(x)}).

Boosted trees turn a row into the leaf that it reaches in each of them; a logistic regression learns
a weight for each leaf. Leaves say more of the rows that they were grown on than of others, so the
regression learns from rows that the trees have not seen: the paper grows trees on one day and goes
on online, by SGD, through the next; here a share of the rows is kept back, and the regression is
fitted to it at once. Its weights begin at those that the leaves have in the trees, and a penalty is
on how far they go from there: from 0, the few rows would have to teach again what the trees know.

Reference: He et al., ADKDD 2014, https://doi.org/10.1145/2648584.2648589, sections 3.1 and 3.2.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit

from millstream.errors import ConfigurationError
from models.fields import Field
from models.trees.boosted import BoostedTrees, Rows, xgboost
from models.trees.logistic import fit_logistic


class TreesAndLogistic:
    """A logistic regression on the leaves of trees; `gbdt_lr` makes one.

    Args:
        boosted: the trees.
        penalty: on how far the weights of the regression are from those of the trees.
        held_out: share of the rows that the regression learns from, and the trees do not.
        seed: of which rows those are.

    Raises:
        ConfigurationError: `held_out` is not between 0 and 1.
    """

    def __init__(self, boosted: BoostedTrees, penalty: float, held_out: float, seed: int) -> None:
        if not 0 < held_out < 1:
            raise ConfigurationError(
                f"`held_out` must be above 0 and below 1. Received: {held_out!r}."
            )
        self.boosted = boosted
        self.penalty, self.held_out, self.seed = penalty, held_out, seed
        self._starts, self._steps, self._bias = np.zeros(1, np.int64), np.empty(0), 0.0

    @property
    def size(self) -> int:
        """Trees that were grown, and kept."""
        return self.boosted.size

    def fit(self, x: dict[str, np.ndarray], y: np.ndarray, valid: Rows | None = None) -> Self:
        """Grow the trees, then fit the regression to the rows that were kept from them."""
        order = np.random.default_rng(self.seed).permutation(len(y))
        kept, grown = np.split(order, [max(1, round(self.held_out * len(y)))])
        self.boosted.fit(_rows(x, grown), y[grown], valid)
        leaves, margins = self.boosted.leaves(_rows(x, kept))
        self._starts = np.concatenate([[0], np.cumsum(leaves.max(axis=0) + 1)])
        self._steps, self._bias = fit_logistic(
            self._one_hot(leaves), y[kept], self.penalty, margins
        )
        return self

    def predict(self, x: dict[str, np.ndarray]) -> np.ndarray:
        """Probabilities, (n,)."""
        leaves, margins = self.boosted.leaves(x)
        return expit(margins + self._one_hot(leaves) @ self._steps + self._bias)

    def save(self, path: Path) -> None:
        """Write the trees to `path`, the regression beside it."""
        self.boosted.save(path)
        with _beside(path).open("wb") as file:
            np.savez(file, starts=self._starts, steps=self._steps, bias=self._bias)

    def load(self, path: Path) -> Self:
        """Take what `save` wrote."""
        self.boosted.load(path)
        with np.load(_beside(path)) as arrays:
            self._starts, self._steps = arrays["starts"], arrays["steps"]
            self._bias = float(arrays["bias"])
        return self

    def _one_hot(self, leaves: np.ndarray) -> csr_matrix:
        columns = leaves + self._starts[:-1]
        known = leaves < np.diff(self._starts)  # a leaf that none of those rows reached
        ends = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        entries = (np.ones(known.sum()), columns[known], ends)
        return csr_matrix(entries, shape=(len(leaves), self._starts[-1]))


def gbdt_lr(
    fields: Iterable[Field],
    *,
    trees: int = 1000,
    depth: int = 8,
    learning_rate: float = 0.1,
    patience: int = 30,
    penalty: float = 100.0,
    held_out: float = 0.3,
    seed: int = 0,
) -> TreesAndLogistic:
    """Trees and logistic regression for a binary label; `fit`, `predict`, `save` and `load`.

    Args:
        fields: ids, lists and floats; ids must say their `rows`.
        trees: at most.
        depth: of a tree, at most.
        learning_rate: of the trees.
        patience: trees without a lower log loss on the validation rows before boosting stops.
        penalty: on how far the weights of the regression are from those of the trees: times half
            the sum of the squares it is added to the sum of the rows' losses.
        held_out: share of the rows that the regression learns from, and the trees do not.
        seed: of what the trees draw, and of which rows are kept from them.

    Raises:
        ConfigurationError: XGBoost is not installed, the fields do not fit together, or `held_out`
            is not between 0 and 1.
    """
    grown = xgboost(
        fields, trees=trees, depth=depth, learning_rate=learning_rate, patience=patience, seed=seed
    )
    return TreesAndLogistic(grown, penalty, held_out, seed)


def _rows(x: dict[str, np.ndarray], places: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[places] for name, column in x.items()}


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.lr.npz")
