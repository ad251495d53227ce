"""The figures of merit of scored rows, exact."""

import numpy as np

from models.metrics import (
    Calibration,
    Gauc,
    LogLoss,
    Map,
    Metric,
    Mrr,
    Ndcg,
    NormalisedEntropy,
    RecallAt,
    Rmse,
    Scored,
)
from models.metrics.auc import grouped_auc


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """The exact area under the ROC curve; NaN where only one class is there."""
    ones = np.ones(len(labels))
    areas, _ = grouped_auc(labels, scores, ones, np.zeros(len(labels), np.int64))
    return float(areas[0])


def figures(
    labels: np.ndarray, scores: np.ndarray, groups: np.ndarray | None, k: int
) -> dict[str, float]:
    """Every figure by name; those within groups only where there are groups.

    Args:
        labels: (n,) 0 or 1.
        scores: (n,) predicted probabilities.
        groups: (n,) integers, or None.
        k: of the ranking metrics.
    """
    metrics: dict[str, Metric] = {
        "log_loss": LogLoss(),
        "normalised_entropy": NormalisedEntropy(),
        "calibration": Calibration(),
        "rmse": Rmse(),
    }
    if groups is not None:
        metrics |= {
            "gauc": Gauc(),
            f"ndcg@{k}": Ndcg(k),
            "mrr": Mrr(),
            f"recall@{k}": RecallAt(k),
            f"map@{k}": Map(k),
        }
    rows = Scored(labels, scores, groups=groups)
    for metric in metrics.values():
        metric.update(rows)
    return {"auc": auc(labels, scores)} | {
        name: metric.result() for name, metric in metrics.items()
    }
