"""Models on trees as learners of a run."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from models.catalogue import build
from models.entry import Entry
from models.evaluation.encoded import Columns, EncodedExamples
from models.evaluation.learner import Report
from models.fields import Field


class Trees:
    """A model of the family `trees` as a `Learner`; its epochs are 1.

    Args:
        options: of its builder; its `seed` is that of the run.
    """

    def __init__(
        self, entry: Entry, fields: Iterable[Field], options: Mapping[str, Any], seed: int
    ) -> None:
        self.model = build(entry.name, fields, **{**options, "seed": seed})

    def fit(
        self, train: EncodedExamples, valid: EncodedExamples, report: Report
    ) -> tuple[int, float]:
        report(0.0, float("nan"))
        started = time.perf_counter()
        given = {}
        if getattr(self.model, "ranks", False) and train.groups is not None:
            given = {"groups": (train.groups, valid.groups)}
        self.model.fit(train.x, train.y, (valid.x, valid.y), **given)
        return 1, time.perf_counter() - started

    def predict(self, x: Columns) -> np.ndarray:
        return np.asarray(self.model.predict(x), np.float64)
