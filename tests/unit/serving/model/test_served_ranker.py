"""Scores of a served ranker, by task."""

from typing import Any

import numpy as np
import pytest

from models.task_names import tasks_in
from serving.model.served import ServedRanker


def test_each_task_has_its_scores_and_a_multi_class_task_one_for_each_class():
    outputs = np.array([[0.0, 2.5, 1.0, 1.0, 1.0 + np.log(2.0)], [2.0, -4.0, 90.0, -90.0, 0.0]])
    tasks = tasks_in({"tasks": ["click", "stars:regression", "mood:multiclass(sad,calm,glad)"]})
    network: Any = lambda inputs: outputs  # noqa: E731
    scores = ServedRanker(network, tasks).scores({})
    assert list(scores) == ["click", "stars", "mood.sad", "mood.calm", "mood.glad"]
    assert scores["click"] == pytest.approx([0.5, 1 / (1 + np.exp(-2.0))])
    assert scores["stars"].tolist() == [2.5, -4.0]
    of_class = np.stack([scores[f"mood.{each}"] for each in ("sad", "calm", "glad")])
    assert of_class[:, 0] == pytest.approx([0.25, 0.25, 0.5])
    assert of_class[:, 1] == pytest.approx([1.0, 0.0, 0.0], abs=1e-30)
