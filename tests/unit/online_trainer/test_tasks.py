"""A trainer of several tasks: what it reads, how it judges each, and how it goes on."""

import numpy as np
import pyarrow as pa
import pytest

from features import labels
from features.labels import LabelTask
from millstream.domain.tasks import Task
from millstream.settings import Settings
from online_trainer.evaluation.progressive import ProgressiveMetrics, Rows
from online_trainer.io.examples import ExampleBatch, decode, task_places
from online_trainer.snapshots import checkpoint
from online_trainer.snapshots.capture import _window_metrics
from online_trainer.snapshots.gate import Gate
from online_trainer.wiring import Wiring
from tests.support.examples import example_message

ROWS = 60
SETTINGS = Settings(ranker="mmoe", ranker_options={"hidden": [8]}, embedding_width=4)


@pytest.fixture(autouse=True)
def two_tasks(monkeypatch):
    declared = {
        "click": Task(positives=("click",)),
        "stars": Task(kind="regression", numbers=("rating",)),
    }
    monkeypatch.setattr(labels, "TASKS", tuple(LabelTask(*entry) for entry in declared.items()))
    monkeypatch.setattr(labels, "ARE_DECLARED", True)


def message(number, names=("click", "stars"), **changes):
    """Rows of both tasks by turns; stars are 10 more than whether it is liked."""
    table = decode(example_message(number, ROWS)).table
    tasks = np.resize(names, ROWS)
    liked = table["label"].to_numpy()
    return example_message(
        number,
        ROWS,
        changes={
            "task": pa.array(tasks).dictionary_encode(),
            "label": pa.array(np.where(tasks == "stars", 10.0 + liked, liked).astype(np.float32)),
            **changes,
        },
    )


def batch_of(given):
    return ExampleBatch.of(decode(given).table).batch


def test_rows_say_which_task_they_are_of():
    batch = batch_of(message(0))
    assert batch.tasks.tolist() == [0, 1] * (ROWS // 2)
    assert batch.is_number.tolist() == [False, True] * (ROWS // 2)
    assert not batch.is_positive[1::2].any()
    assert task_places(decode(example_message(0, ROWS)).table).tolist() == [0] * ROWS
    assert decode(message(0)).differences.unknown == []


def test_a_label_that_is_none_of_a_class_is_not_learnt_from(monkeypatch):
    moods = Task(kind="multiclass", classes={"sad": ("skip",), "glad": ("click",)})
    monkeypatch.setattr(labels, "TASKS", (labels.TASKS[0], LabelTask("stars", moods)))
    given = np.resize([1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, -1.0], ROWS).astype(np.float32)
    batch = batch_of(message(0, label=pa.array(given)))
    is_no_class = np.isin(given, [2.0, -1.0])
    assert is_no_class.any() and batch.is_number.tolist() == [False, True] * (ROWS // 2)
    assert batch.sound().tolist() == (~is_no_class).tolist()
    assert not batch.is_positive[1::2].any()


def test_negatives_are_told_from_the_positive_of_their_own_task_and_event():
    """One event, three rows of each task: two groups, and one positive for the retriever."""
    same, half = {"source_offset": pa.array(np.zeros(ROWS, np.int64))}, ROWS // 2
    labels_of = np.resize([1.0, 0.0, 0.0], ROWS).astype(np.float32)
    names = ["click"] * half + ["stars"] * half
    given = message(0, names, label=pa.array(labels_of), **same)
    batch = batch_of(given)
    assert batch.groups.tolist() == [0] * half + [1] * half
    assert np.flatnonzero(batch.is_positive).tolist() == [0]


def test_each_task_is_judged_by_itself_and_a_task_that_is_none_is_passed_over():
    trainer = Wiring(SETTINGS).trainer()
    for number in range(30):
        consumed = trainer.consume(message(number, ["click", "stars", "bought"]), number)
        assert consumed.refused is None
        assert (consumed.learnt, consumed.other_tasks) == (ROWS * 2 // 3, ROWS // 3)
    click, stars = trainer.progress_by_task.values()
    assert list(trainer.progress_by_task) == ["click", "stars"]
    assert 0.0 < click.value("all", "overall", "auc") < 1.0
    assert 0.0 < stars.value("all", "window", "rmse") < 11.0
    metrics = _window_metrics(trainer)
    assert {"auc", "stars.rmse", "stars.calibration"} <= metrics.keys()
    parts = checkpoint.parts(trainer, None)["progress"]
    again = ProgressiveMetrics(kind="regression")
    again.restore({k.removeprefix("tasks/stars/"): v for k, v in parts.items() if "stars" in k})
    np.testing.assert_equal(again.values(), stars.values())


def test_the_configuration_of_a_snapshot_names_the_tasks():
    assert Wiring(SETTINGS).models()["ranker"]["tasks"] == ["click", "stars:regression"]


@pytest.fixture
def moods(monkeypatch):
    """A multi-class task in place of the stars, of which every label is a place from 0."""
    classes = {"sad": ("skip",), "calm": (), "glad": ("click",)}
    moods = LabelTask("stars", Task(kind="multiclass", classes=classes))
    monkeypatch.setattr(labels, "TASKS", (labels.TASKS[0], moods))


def test_a_task_of_classes_is_named_with_them_learnt_and_judged_by_itself(moods):
    wiring = Wiring(SETTINGS)
    names = wiring.models()["ranker"]["tasks"]
    assert names == ["click", "stars:multiclass(sad,calm,glad)"]
    trainer = wiring.trainer()
    for number in range(2):
        given = np.resize([0.0, 1.0, 1.0, 0.0, 0.0, 2.0], ROWS).astype(np.float32)
        consumed = trainer.consume(message(number, label=pa.array(given)), number)
        assert (consumed.refused, consumed.learnt) == (None, ROWS)
    metrics = _window_metrics(trainer)
    assert {"auc", "stars.accuracy", "stars.log_loss", "stars.normalised_entropy"} <= metrics.keys()
    assert 0.0 <= metrics["stars.accuracy"] <= 1.0 and 0.0 < metrics["stars.log_loss"] < 3.0


def test_the_gate_holds_who_knows_less_of_classes_than_their_shares():
    moods, rows = ProgressiveMetrics(kind="multiclass"), np.arange(200)
    where = Rows(np.zeros(200, np.int64), np.full(200, "organic"), np.ones(200, bool))
    moods.update(np.full(200, -0.1), rows % 2.0, np.ones(200), where)
    assert moods.relative_error() == pytest.approx(np.log(10.0) / np.log(2.0))
    progress = {"click": ProgressiveMetrics(), "mood": moods}
    (objection,) = Gate(after_examples=1).objections({}, progress, 1_000)
    assert objection.startswith("normalised entropy of mood is 3.322")


def test_the_gate_holds_what_is_worse_than_the_mean_in_any_task():
    stars, rng = ProgressiveMetrics(kind="regression"), np.random.default_rng(0)
    truths = rng.normal(size=200)
    rows = Rows(np.zeros(200, np.int64), np.full(200, "organic"), np.ones(200, bool))
    stars.update(truths + 5.0, truths, np.ones(200), rows)
    progress = {"click": ProgressiveMetrics(), "stars": stars}
    assert stars.relative_error() == pytest.approx(5.0 / truths.std(), rel=1e-6)
    (objection,) = Gate(after_examples=1).objections({}, progress, 1_000)
    assert objection.startswith("relative rmse of stars is 5.") and objection.endswith("above 2.0")
