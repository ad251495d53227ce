"""GAUC: the mean of the AUC within each user.

Reference: Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978, eq. 8.
"""

import numpy as np

from models.metrics.auc import grouped_auc
from models.metrics.metric import State
from models.metrics.row_keeping import RowKeepingMetric


class Gauc(RowKeepingMetric):
    """sum_u w_u AUC_u / sum_u w_u over users with both classes; w_u is the weight of u's rows."""

    title = "GAUC"

    def value(self, rows: State) -> float:
        areas, weights = grouped_auc(**rows)
        defined = ~np.isnan(areas)
        if not weights[defined].sum() > 0:
            return float("nan")
        return float(np.average(areas[defined], weights=weights[defined]))
