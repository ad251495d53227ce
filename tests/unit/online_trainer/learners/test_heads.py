"""Rows of several tasks in one step: each teaches its own task's output, weighted by its task."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from models.fields import Field, Task
from models.losses.delayed_feedback import LOSSES
from models.rankers import ranking_network
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.heads import Tasks
from online_trainer.learners.ranker import Ranker

FIELDS = [Field("user_id", width=4), Field("item_id", width=4), Field("age", "float")]
NAMES = ["click", "stars:regression", "cart"]
TASKS = (Task("click"), Task("stars", "regression"), Task("cart"))
CLICK, STARS, CART = range(3)


def ranker(name="dcn_v2", weights=(1.0, 1.0, 1.0), rate=0.1, delayed=("none",) * 3):
    keras.utils.set_random_seed(3)
    model = ranking_network({"name": name, "options": {"hidden": [8]}, "tasks": NAMES}, FIELDS)
    parts = split(model)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad(rate)}, Policy(admit_after=1))
    optimiser = keras.optimizers.SGD(rate)
    return Ranker(model, parts, tables, optimiser, tasks=Tasks(TASKS, weights, delayed))


def batch(rows=24, seed=0):
    rng = np.random.default_rng(seed)
    tasks = np.arange(rows, dtype=np.int32) % 3
    labels = np.where(tasks == STARS, rng.normal(3.0, 2.0, rows), rng.integers(0, 2, rows))
    inputs = {
        "user_id": rng.integers(1, 9, rows),
        "item_id": rng.integers(1, 9, rows),
        "age": rng.random(rows).astype(np.float32),
    }
    weights = rng.uniform(0.5, 2.0, rows).astype(np.float32)
    return Batch(
        inputs,
        labels.astype(np.float32),
        weights,
        labels > 0.5,
        tasks=tasks,
        is_number=tasks == STARS,
    )


def outputs(ours, given):
    """{task: (rows,)} of the network itself, on the rows that the tables have."""
    found = ours.tables.find(ours.tables.keys(ours._reads(given)))
    (vectors,) = ours._layout.unpack(ours.tables.gather(found))
    inputs = {name: keras.ops.convert_to_tensor(x) for name, x in ours._inputs(given).items()}
    made = ours.body({**inputs, **vectors}, training=False)
    return {name: keras.ops.convert_to_numpy(each)[:, 0] for name, each in made.items()}


@pytest.mark.parametrize("name", ["dcn_v2", "mmoe", "ple"])
def test_a_row_teaches_the_head_of_its_task_alone(name):
    ours, given = ranker(name), batch()
    first = given.take(given.tasks == CLICK)
    before = {w.path: w.numpy() for w in ours.network.trainable_weights}
    ours.learn(first)
    moved = {w.path for w in ours.network.trainable_weights if (w.numpy() != before[w.path]).any()}
    assert moved
    heads = {f"{task}.{part}" for task in ("stars", "cart") for part in ("logit", "tower", "gate")}
    assert not [path for path in moved if path.startswith(tuple(heads))]


def test_scores_are_probabilities_of_binary_tasks_and_any_number_of_others():
    ours, given = ranker(), batch()
    ours.learn(given)
    made, scores = outputs(ours, given), ours.score(given)
    expected = np.select(
        [given.tasks == STARS, given.tasks == CLICK],
        [made["stars"], 1 / (1 + np.exp(-made["click"]))],
        1 / (1 + np.exp(-made["cart"])),
    )
    assert scores == pytest.approx(expected, abs=1e-5)


def test_the_loss_is_the_log_loss_or_the_squared_error_of_each_row_weighted_by_its_task():
    weights = np.array([1.0, 0.5, 3.0])
    ours, given = ranker(weights=tuple(weights)), batch()
    ours.tables.locate(ours.tables.keys(ours._reads(given)), 1)
    p = ours.score(given).astype(float)
    y, w = given.labels, given.weights * weights[given.tasks]
    losses = np.where(given.is_number, (y - p) ** 2, -np.where(y > 0.5, np.log(p), np.log1p(-p)))
    assert ours.learn(given).loss == pytest.approx((w * losses).sum() / w.sum(), rel=1e-4)


def test_a_task_that_weighs_nothing_beside_another_leaves_what_they_share_to_it():
    """The gradient of a batch is that of its heavy task's rows alone, as their share goes to 1."""
    given = batch()
    mixed, alone = ranker(weights=(1e6, 1e-6, 1e-6)), ranker()
    mixed.learn(given)
    alone.learn(given.take(given.tasks == CLICK))
    for one, other in zip(mixed.network.weights, alone.network.weights, strict=True):
        if not one.path.startswith(("stars.", "cart.")) and "embedding" not in one.path:
            assert one.numpy() == pytest.approx(other.numpy(), abs=1e-5)


@pytest.mark.parametrize("name", ["dcn_v2", "mmoe"])
def test_tasks_that_want_opposite_things_are_learnt_side_by_side(name):
    """The old click, the young put into the cart, and give a star less."""
    ours, rng = ranker(name, rate=0.3), np.random.default_rng(1)
    for _ in range(150):
        given = batch(96, int(rng.integers(1 << 30)))
        is_old = given.inputs["age"] > 0.5
        by_task = [given.tasks == CLICK, given.tasks == CART]
        wanted = np.select(by_task, [is_old, ~is_old], 2.0 + is_old)
        given = replace(given, labels=wanted.astype(np.float32), weights=np.ones(96, np.float32))
        scores = ours.learn(given).scores
    is_number = given.tasks == STARS
    assert np.abs(scores - wanted)[is_number].mean() < 0.25
    assert ((scores > 0.5) == (wanted > 0.5))[~is_number].mean() > 0.85


def test_a_number_that_is_no_probability_is_sound_and_one_that_is_none_is_not():
    given = batch()
    given.labels[given.is_number] = -40.0
    assert given.sound().all()
    given.labels[:3] = 1.5, np.nan, 1.5
    assert given.sound()[:3].tolist() == [False, False, False]


@pytest.mark.parametrize("delayed", ["fnw", "fnc"])
def test_shown_items_of_a_task_that_is_corrected_have_the_loss_of_delayed_feedback(delayed):
    ours, given = ranker(delayed=("none", "none", delayed)), batch()
    given = replace(given, is_shown=np.arange(24) % 2 == 0)
    ours.tables.locate(ours.tables.keys(ours._reads(given)), 1)
    p, y = ours.score(given).astype(float), given.labels.astype(float)
    logits = outputs(ours, given)
    z = np.where(given.tasks == CLICK, logits["click"], logits["cart"]).astype(float)
    plain = np.where(given.is_number, (y - p) ** 2, np.logaddexp(0.0, z) - y * z)
    loss = keras.ops.convert_to_numpy(LOSSES[delayed](y, z))
    expected = np.where((given.tasks == CART) & given.is_shown, loss, plain)
    mean = (given.weights * expected).sum() / given.weights.sum()
    assert ours.learn(given).loss == pytest.approx(mean, rel=1e-4)
    assert mean != pytest.approx((given.weights * plain).sum() / given.weights.sum(), rel=1e-3)


@pytest.mark.parametrize(("delayed", "learnt"), [("none", 0.3 / 1.3), ("fnw", 0.3), ("fnc", 0.3)])
def test_a_rate_is_learnt_from_negatives_and_late_positives(delayed, learnt):
    """Of ten shown items all are negatives at once, and three of them positives later."""
    ours = ranker(rate=0.05, delayed=("none", "none", delayed))
    labels = np.r_[np.zeros(10), np.ones(3)].astype(np.float32)
    one = {"user_id": np.ones(13, np.int64), "item_id": np.ones(13, np.int64)}
    given = Batch(
        {**one, "age": np.ones(13, np.float32)},
        labels,
        np.ones(13, np.float32),
        labels > 0.5,
        is_shown=np.ones(13, bool),
        tasks=np.full(13, CART, np.int32),
    )
    for _ in range(200):
        ours.learn(given)
    assert ours.score(given) == pytest.approx(learnt, abs=0.01)


def shown(labels, is_late):
    """Rows of one item that was shown to one person, for the task `cart`."""
    count = len(labels)
    return Batch(
        {
            "user_id": np.ones(count, np.int64),
            "item_id": np.ones(count, np.int64),
            "age": np.ones(count, np.float32),
        },
        labels.astype(np.float32),
        np.ones(count, np.float32),
        labels > 0.5,
        is_shown=np.ones(count, bool),
        is_late=is_late,
        tasks=np.full(count, CART, np.int32),
    )


@pytest.mark.parametrize(("delayed", "low", "high"), [("es_dfm", 0.29, 0.31), ("fnw", 0.33, 1.0)])
def test_where_most_positives_come_in_time_elapsed_time_sampling_alone_learns_the_rate(
    delayed, low, high
):
    """Of ten shown items two are positives in time, and one after it was taken for a negative."""
    ours = ranker(rate=0.05, delayed=("none", "none", delayed))
    labels, is_late = np.r_[np.zeros(8), np.ones(3)], np.arange(11) == 10
    given = shown(labels, is_late)
    for _ in range(400):
        ours.learn(given)
    assert low < ours.score(given)[0] < high


def test_shares_of_late_positives_are_state_of_the_ranker():
    ours, other = (ranker(delayed=("none", "none", "es_dfm")) for _ in range(2))
    assert ranker().memory() == {}
    ours.learn(shown(np.r_[np.zeros(8), np.ones(3)], np.arange(11) == 10))
    other.restore_memory(ours.memory())
    assert other.memory()["late_shares"].tolist() == ours.memory()["late_shares"].tolist()
    assert np.ptp(ours.memory()["late_shares"][:, CART, 0]) > 0.0
