"""Gradient boosted trees by XGBoost: F_t = F_{t-1} + eta f_t, each tree f_t fitted to the loss.

With G and H the sums of the loss's first and second derivatives over the rows of a leaf, its weight
is w* = -G / (H + lambda), and a split gains
1/2 [G_L^2 / (H_L + lambda) + G_R^2 / (H_R + lambda) - G^2 / (H + lambda)] - gamma.
Ids are split into sets of categories, lists count each of their ids.

Reference: Chen & Guestrin, KDD 2016, https://arxiv.org/abs/1603.02754, eq. 5 and 7.
"""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np

from millstream.errors import ConfigurationError
from models.fields import Field
from models.trees.design import Design

Rows = tuple[dict[str, np.ndarray], np.ndarray]


class BoostedTrees:
    """Trees for binary labels; `xgboost` makes one, and `lambdamart` one that ranks in groups.

    Args:
        fields: ids must say their `rows`.
        parameters: of `xgboost.train`; an `objective` that begins with `rank:` needs groups.
        trees: at most.
        patience: trees without a lower log loss on the validation rows before boosting stops; the
            best number of trees is then kept.
    """

    def __init__(
        self, fields: Iterable[Field], parameters: dict[str, Any], trees: int, patience: int
    ) -> None:
        self.xgboost = imported()
        self.design = Design(fields)
        self.parameters = parameters
        self.trees, self.patience = trees, patience
        self._booster: Any = None

    @property
    def size(self) -> int:
        """Trees that were grown, and kept."""
        return int(self._booster.num_boosted_rounds())

    @property
    def ranks(self) -> bool:
        """Whether it learns the order within groups."""
        return str(self.parameters["objective"]).startswith("rank:")

    def fit(
        self,
        x: dict[str, np.ndarray],
        y: np.ndarray,
        valid: Rows | None = None,
        *,
        groups: tuple[np.ndarray, np.ndarray | None] | None = None,
    ) -> Self:
        """Grow the trees.

        Args:
            x: `{field: (n, ...)}`.
            y: (n,) 0 or 1.
            valid: rows that decide when to stop; without them every tree is grown.
            groups: (n,) integers of the rows, such as users, and of those of `valid`; for an
                objective that ranks.

        Raises:
            ConfigurationError: an objective that ranks, and no groups.
        """
        if self.ranks and groups is None:
            raise ConfigurationError(
                "`groups` must be given for trees that rank: the dataset's `group`. Received: None."
            )
        of_train, of_valid = groups if groups and self.ranks else (None, None)
        evals = {} if valid is None else {"evals": [(self._rows(*valid, of_valid), "valid")]}
        self._booster = self.xgboost.train(
            self.parameters,
            self._rows(x, y, of_train),
            self.trees,
            early_stopping_rounds=None if valid is None else self.patience,
            verbose_eval=False,
            **evals,
        )
        if valid is not None:
            self._booster = self._booster[: self._booster.best_iteration + 1]
        return self

    def predict(self, x: dict[str, np.ndarray]) -> np.ndarray:
        """Probabilities, (n,); of trees that rank, scores in (0, 1) of the right order."""
        scores = self._booster.predict(self._rows(x))
        return 0.5 * (1.0 + np.tanh(0.5 * scores)) if self.ranks else scores

    def leaves(self, x: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Leaf of each row in every tree, and the logit of all trees.

        Returns:
            The number of the leaf in each tree, (n, trees); and the logits, (n,): the sum of the
            leaves' weights, and of what XGBoost begins with.
        """
        rows = self._rows(x)
        found = self._booster.predict(rows, pred_leaf=True, strict_shape=True)
        margins = self._booster.predict(rows, output_margin=True)
        return found.reshape(found.shape[0], -1).astype(np.int64), margins

    def save(self, path: Path) -> None:
        """Write the trees to one file, in XGBoost's own format."""
        path.write_bytes(self._booster.save_raw("ubj"))

    def load(self, path: Path) -> Self:
        """Take the trees of `save`."""
        self._booster = self.xgboost.Booster(self.parameters)
        self._booster.load_model(bytearray(path.read_bytes()))
        return self

    def _rows(
        self,
        x: dict[str, np.ndarray],
        y: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> Any:
        matrix = self.design.matrix(x)
        if groups is not None:  # XGBoost wants the rows of a group together
            order = np.argsort(groups, kind="stable")
            matrix, groups = matrix[order], groups[order]
            y = None if y is None else y[order]
        return self.xgboost.DMatrix(
            matrix,
            label=y,
            qid=groups,
            feature_types=self.design.kinds,
            enable_categorical=True,
        )


def tree_parameters(
    depth: int,
    learning_rate: float,
    leaf_penalty: float,
    row_share: float,
    column_share: float,
    seed: int,
) -> dict[str, Any]:
    """Parameters of XGBoost that all boosted trees here have, by its own names."""
    return {
        "tree_method": "hist",
        "max_depth": depth,
        "eta": learning_rate,
        "lambda": leaf_penalty,
        "subsample": row_share,
        "colsample_bytree": column_share,
        "seed": seed,
    }


def xgboost(
    fields: Iterable[Field],
    *,
    trees: int = 1000,
    depth: int = 8,
    learning_rate: float = 0.1,
    leaf_penalty: float = 1.0,
    split_penalty: float = 0.0,
    row_share: float = 0.8,
    column_share: float = 0.8,
    patience: int = 30,
    seed: int = 0,
) -> BoostedTrees:
    """Boosted trees for a binary label; `fit`, `predict`, `save` and `load`.

    Args:
        fields: ids, lists and floats; ids must say their `rows`.
        trees: at most.
        depth: of a tree, at most.
        learning_rate: eta.
        leaf_penalty: lambda.
        split_penalty: gamma.
        row_share, column_share: drawn for each tree.
        patience: trees without a lower log loss on the validation rows before boosting stops.
        seed: of what is drawn.

    Raises:
        ConfigurationError: XGBoost is not installed, or the fields do not fit together.
    """
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "gamma": split_penalty,
        **tree_parameters(depth, learning_rate, leaf_penalty, row_share, column_share, seed),
    }
    return BoostedTrees(fields, parameters, trees, patience)


def imported() -> ModuleType:
    """XGBoost.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import xgboost
    except ImportError as error:
        raise ConfigurationError(
            "Models on trees need XGBoost: pip install 'millstream[trees]'."
        ) from error
    return xgboost
