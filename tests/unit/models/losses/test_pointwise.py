import numpy as np
import pytest

from models.fields import Task
from models.losses.pointwise import pointwise

LABELS, OUTPUTS = np.array([[1.0], [0.0]]), np.array([[0.3], [-1.2]])


def test_a_binary_task_has_the_cross_entropy_of_its_logit():
    p = 1 / (1 + np.exp(-OUTPUTS))
    expected = -np.mean(LABELS * np.log(p) + (1 - LABELS) * np.log(1 - p))
    assert np.mean(pointwise(Task("click"))(LABELS, OUTPUTS)) == pytest.approx(expected, rel=1e-5)


def test_a_regression_has_the_squared_error():
    loss = pointwise(Task("watch_time", "regression"))(LABELS, OUTPUTS)
    assert loss.shape == (2,)
    assert np.mean(loss) == pytest.approx(np.mean((LABELS - OUTPUTS) ** 2), rel=1e-5)
