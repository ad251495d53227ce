"""The newest rows with their scores."""

import numpy as np

from online_trainer.evaluation.by_task import LEAST_ROWS
from online_trainer.evaluation.recent import RecentRows
from online_trainer.learners.batch import Batch


def batch(begin: int, rows: int = 100) -> Batch:
    numbers = np.arange(begin, begin + rows)
    return Batch(
        inputs={"user_id": numbers},
        labels=(numbers % 2).astype(np.float32),
        weights=np.ones(rows, np.float32),
        is_positive=numbers % 2 == 1,
        groups=np.repeat(np.arange(rows // 2, dtype=np.int32), 2),
    )


def test_rows_after_a_moment_come_in_order_with_their_scores_and_events_of_their_own():
    recent = RecentRows(1_000)
    for begin in range(0, 500, 100):
        recent.add(batch(begin), np.arange(begin, begin + 100) / 1_000, begin + 100)
    found = recent.after(200)
    assert found is not None
    assert found.batch.inputs["user_id"].tolist() == list(range(200, 500))
    assert np.array_equal(found.scores, np.arange(200, 500) / 1_000)
    assert found.batch.groups.tolist() == np.repeat(np.arange(150), 2).tolist()
    assert np.array_equal(found.batch.is_positive, found.batch.labels == 1)


def test_the_oldest_batches_go_and_too_few_rows_are_none():
    recent = RecentRows(300)
    for begin in range(0, 600, 100):
        recent.add(batch(begin), np.zeros(100), begin + 100)
    found = recent.after(0)
    assert found is not None and found.batch.inputs["user_id"][0] == 300
    assert LEAST_ROWS > 100 and recent.after(500) is None
