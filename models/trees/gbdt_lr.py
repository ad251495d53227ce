"""Trees and logistic regression: p = sigmoid(b + sum_t w_{t, leaf_t(x)}).

Boosted trees turn a row into the leaf that it reaches in each of them; a logistic regression learns
a weight for each leaf. The paper trains it online by SGD; here it is fitted to the same rows at
once, with a penalty on its weights.

Reference: He et al., ADKDD 2014, https://doi.org/10.1145/2648584.2648589, section 3.1.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit

from models.fields import Field
from models.trees.boosted import BoostedTrees, Rows, xgboost
from models.trees.logistic import fit_logistic


class TreesAndLogistic:
    """A logistic regression on the leaves of trees; `gbdt_lr` makes one.

    Args:
        boosted: the trees.
        penalty: on the weights of the regression.
    """

    def __init__(self, boosted: BoostedTrees, penalty: float) -> None:
        self.boosted = boosted
        self.penalty = penalty
        self._starts, self._weights, self._bias = np.zeros(1, np.int64), np.empty(0), 0.0

    @property
    def size(self) -> int:
        """Trees that were grown, and kept."""
        return self.boosted.size

    def fit(self, x: dict[str, np.ndarray], y: np.ndarray, valid: Rows | None = None) -> Self:
        """Grow the trees, then fit the regression to the same rows."""
        self.boosted.fit(x, y, valid)
        leaves = self.boosted.leaves(x)
        self._starts = np.concatenate([[0], np.cumsum(leaves.max(axis=0) + 1)])
        self._weights, self._bias = fit_logistic(self._one_hot(leaves), y, self.penalty)
        return self

    def predict(self, x: dict[str, np.ndarray]) -> np.ndarray:
        """Probabilities, (n,)."""
        return expit(self._one_hot(self.boosted.leaves(x)) @ self._weights + self._bias)

    def save(self, path: Path) -> None:
        """Write the trees to `path`, the regression beside it."""
        self.boosted.save(path)
        with _beside(path).open("wb") as file:
            np.savez(file, starts=self._starts, weights=self._weights, bias=self._bias)

    def load(self, path: Path) -> Self:
        """Take what `save` wrote."""
        self.boosted.load(path)
        with np.load(_beside(path)) as arrays:
            self._starts, self._weights = arrays["starts"], arrays["weights"]
            self._bias = float(arrays["bias"])
        return self

    def _one_hot(self, leaves: np.ndarray) -> csr_matrix:
        columns = leaves + self._starts[:-1]
        known = leaves < np.diff(self._starts)  # a leaf that no training row reached weighs nothing
        ends = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        entries = (np.ones(known.sum()), columns[known], ends)
        return csr_matrix(entries, shape=(len(leaves), self._starts[-1]))


def gbdt_lr(
    fields: Iterable[Field],
    *,
    trees: int = 500,
    depth: int = 6,
    learning_rate: float = 0.1,
    patience: int = 30,
    penalty: float = 1.0,
    seed: int = 0,
) -> TreesAndLogistic:
    """Trees and logistic regression for a binary label; `fit`, `predict`, `save` and `load`.

    Args:
        fields: ids, lists and floats; ids must say their `rows`.
        trees: at most.
        depth: of a tree, at most.
        learning_rate: of the trees.
        patience: trees without a lower log loss on the validation rows before boosting stops.
        penalty: on the weights of the regression.
        seed: of what the trees draw.

    Raises:
        ConfigurationError: XGBoost is not installed, or the fields do not fit together.
    """
    grown = xgboost(
        fields, trees=trees, depth=depth, learning_rate=learning_rate, patience=patience, seed=seed
    )
    return TreesAndLogistic(grown, penalty)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.lr.npz")
