"""GAUC: the mean of the AUC within each user.

Reference: Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978, eq. 8.
"""

from typing import Self

import numpy as np

from models.metrics.auc import grouped_auc
from models.metrics.metric import State
from models.metrics.scored import Scored


class Gauc:
    """sum_u w_u AUC_u / sum_u w_u over users with both classes; w_u is the weight of u's rows.

    Exact: it keeps each row, 32 bytes. Over an endless stream use it within `Windowed`.
    """

    def __init__(self) -> None:
        self._rows: list[State] = []

    def update(self, rows: Scored) -> None:
        """Count more rows.

        Raises:
            ValueError: `groups` is missing.
        """
        if rows.groups is None:
            raise ValueError("`groups` must be given for GAUC. Received: None.")
        self._rows.append(
            {
                "labels": rows.labels.copy(),
                "scores": rows.scores.copy(),
                "weights": rows.weights.copy(),
                "groups": rows.groups.astype(np.int64),
            }
        )

    def merge(self, other: Self) -> None:
        self._rows.extend(other._rows)

    def result(self) -> float:
        rows = self.state()
        if not len(rows["labels"]):
            return float("nan")
        areas, weights = grouped_auc(**rows)
        defined = ~np.isnan(areas)
        if not weights[defined].sum() > 0:
            return float("nan")
        return float(np.average(areas[defined], weights=weights[defined]))

    def state(self) -> State:
        names = ("labels", "scores", "weights")
        empty = {**{name: np.empty(0) for name in names}, "groups": np.empty(0, np.int64)}
        return {
            name: np.concatenate([none, *(rows[name] for rows in self._rows)])
            for name, none in empty.items()
        }

    def restore(self, state: State) -> None:
        self._rows = [{name: values.copy() for name, values in state.items()}]
