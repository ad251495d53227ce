"""The newest rows that were learnt from, to score once more with other weights."""

from collections import deque
from typing import NamedTuple

import numpy as np

from online_trainer.evaluation.by_task import LEAST_ROWS
from online_trainer.learners.batch import Batch


class ScoredRows(NamedTuple):
    """Rows in the order in which they were learnt from.

    Args:
        batch: of the rows.
        scores: (rows,) given just before they were learnt from.
    """

    batch: Batch
    scores: np.ndarray


class RecentRows:
    """A window of batches with the scores that they had before they were learnt from.

    Args:
        rows: of the window, about: it holds whole batches.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._batches: deque[tuple[int, ScoredRows]] = deque()
        self._held = 0

    def add(self, batch: Batch, scores: np.ndarray, examples: int) -> None:
        """Take in a batch.

        Args:
            examples: learnt from since the very first, those of the batch included.
        """
        self._batches.append((examples, ScoredRows(batch, scores)))
        self._held += len(batch)
        while self._held - len(self._batches[0][1].batch) >= self._rows:
            self._held -= len(self._batches.popleft()[1].batch)

    def after(self, examples: int) -> ScoredRows | None:
        """Rows after the first `examples`; None where that is too little to judge by."""
        newer = [rows for number, rows in self._batches if number > examples]
        if sum(len(rows.batch) for rows in newer) < LEAST_ROWS:
            return None
        return ScoredRows(
            Batch.joined([rows.batch for rows in newer]),
            np.concatenate([rows.scores for rows in newer]),
        )
