"""Streaming metrics in pure NumPy: they count batches, merge, and keep their state as arrays."""

from models.metrics.auc import Auc
from models.metrics.calibration import Calibration
from models.metrics.classes import Accuracy, ClassEntropy, ClassLogLoss
from models.metrics.gauc import Gauc
from models.metrics.log_loss import LogLoss
from models.metrics.metric import Metric
from models.metrics.normalised_entropy import NormalisedEntropy
from models.metrics.ranking import Map, Mrr, Ndcg, RecallAt
from models.metrics.relative_rmse import RelativeRmse
from models.metrics.rmse import Rmse
from models.metrics.scored import Scored
from models.metrics.windowed import Windowed

__all__ = [
    "Accuracy",
    "Auc",
    "Calibration",
    "ClassEntropy",
    "ClassLogLoss",
    "Gauc",
    "LogLoss",
    "Map",
    "Metric",
    "Mrr",
    "Ndcg",
    "NormalisedEntropy",
    "RecallAt",
    "RelativeRmse",
    "Rmse",
    "Scored",
    "Windowed",
]
