"""A multi-class task beside others: each of its rows teaches a softmax over its classes."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from models.fields import Field
from models.rankers import ranking_network
from models.split import split
from models.task_names import tasks_in
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.heads import Tasks
from online_trainer.learners.objective import POINTWISE, Objective
from online_trainer.learners.ranker import Ranker

FIELDS = [Field("user_id", width=4), Field("item_id", width=4), Field("age", "float")]
NAMES = ["click", "mood:multiclass(sad,calm,glad)", "stars:regression"]
CLASSES = ["mood.sad", "mood.calm", "mood.glad"]
CLICK, MOOD, STARS = range(3)


def ranker(name="dcn_v2", rate=0.1, objective=POINTWISE):
    keras.utils.set_random_seed(3)
    model = ranking_network({"name": name, "options": {"hidden": [8]}, "tasks": NAMES}, FIELDS)
    parts = split(model)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad(rate)}, Policy(admit_after=1))
    tasks = Tasks(tasks_in({"tasks": NAMES}), (1.0, 0.5, 1.0), ("none",) * 3)
    optimiser = keras.optimizers.SGD(rate)
    return Ranker(model, parts, tables, optimiser, objective, tasks, position_dropout=0.1)


def batch(rows=24, seed=0):
    rng = np.random.default_rng(seed)
    tasks = np.arange(rows, dtype=np.int32) % 3
    by_task = [tasks == CLICK, tasks == MOOD]
    labels = np.select(by_task, [rng.integers(0, 2, rows), rng.integers(0, 3, rows)], 2.5)
    return Batch(
        {
            "user_id": rng.integers(1, 9, rows),
            "item_id": rng.integers(1, 9, rows),
            "age": rng.random(rows).astype(np.float32),
        },
        labels.astype(np.float32),
        rng.uniform(0.5, 2.0, rows).astype(np.float32),
        np.zeros(rows, bool),
        is_shown=np.ones(rows, bool),
        positions=np.zeros(rows, np.int32),
        tasks=tasks,
        is_number=tasks != CLICK,
    )


def outputs(ours, given):
    """{output: (rows,)} of the network itself, on the rows that the tables have."""
    found = ours.tables.find(ours.tables.keys(ours._reads(given)))
    (vectors,) = ours._layout.unpack(ours.tables.gather(found))
    inputs = {name: keras.ops.convert_to_tensor(x) for name, x in ours._inputs(given).items()}
    made = ours.body({**inputs, **vectors}, training=False)
    return {name: keras.ops.convert_to_numpy(each)[:, 0] for name, each in made.items()}


def softmax(ours, given):
    """(rows, classes)."""
    made = outputs(ours, given)
    powers = np.exp(np.stack([made[name] for name in CLASSES], axis=1).astype(float))
    return powers / powers.sum(axis=1, keepdims=True)


def test_the_score_is_the_softmax_of_the_rows_class_negative_where_another_is_likelier():
    ours, given = ranker(), batch()
    ours.learn(given)
    made, of_class, rows = outputs(ours, given), softmax(ours, given), np.arange(24)
    own = of_class[rows, np.where(given.tasks == MOOD, given.labels, 0).astype(int)]
    own *= np.where(own == of_class.max(axis=1), 1, -1)
    by_task = [given.tasks == CLICK, given.tasks == MOOD]
    expected = np.select(by_task, [1 / (1 + np.exp(-made["click"])), own], made["stars"])
    scores = ours.score(given)
    assert scores == pytest.approx(expected, abs=1e-5)
    assert (scores[given.tasks == MOOD] > 0).any() and (scores[given.tasks == MOOD] < 0).any()


def test_the_loss_is_the_cross_entropy_of_the_softmax():
    ours, given = ranker(), batch()
    given = given.take(given.tasks == MOOD)
    ours.tables.locate(ours.tables.keys(ours._reads(given)), 1)
    own = softmax(ours, given)[np.arange(len(given)), given.labels.astype(int)]
    learnt = ours.learn(given)
    weights = 0.5 * given.weights
    assert learnt.loss == pytest.approx(-(weights @ np.log(own)) / weights.sum(), rel=1e-4)
    assert np.abs(learnt.scores) == pytest.approx(own, abs=1e-5)


def test_rows_of_classes_are_not_told_apart_within_an_event():
    alone, together = ranker(objective=Objective("softmax")), ranker(objective=Objective("softmax"))
    given = batch().take(np.flatnonzero(batch().tasks == MOOD))
    assert {0.0, 1.0} <= {*given.labels.tolist()}
    alone.learn(given)
    together.learn(replace(given, groups=np.zeros(len(given), np.int32)))
    for one, other in zip(alone.network.weights, together.network.weights, strict=True):
        assert one.numpy() == pytest.approx(other.numpy(), abs=1e-6)


def test_a_row_of_a_class_moves_every_class_and_no_other_task_and_no_bias_of_its_place():
    ours, given = ranker(), batch()
    before = {w.path: w.numpy() for w in ours.network.trainable_weights}
    ours.learn(given.take(given.tasks == MOOD))
    moved = {w.path for w in ours.network.trainable_weights if (w.numpy() != before[w.path]).any()}
    assert {name for name in CLASSES if any(path.startswith(name) for path in moved)} == {*CLASSES}
    assert not [path for path in moved if path.startswith("stars")]
    assert not ours.memory()["position_bias"].any()


@pytest.mark.parametrize("name", ["dcn_v2", "mmoe"])
def test_classes_that_follow_an_input_are_learnt(name):
    """The young are sad, the old glad, and those between calm."""
    ours, rng = ranker(name, rate=0.3), np.random.default_rng(1)
    for _ in range(150):
        given = batch(96, int(rng.integers(1 << 30)))
        wanted = np.digitize(given.inputs["age"], [0.33, 0.67]).astype(np.float32)
        labels = np.where(given.tasks == MOOD, wanted, given.labels).astype(np.float32)
        given = replace(given, labels=labels, weights=np.ones(96, np.float32))
        scores = ours.learn(given).scores
    assert (scores[given.tasks == MOOD] > 0).mean() > 0.8
