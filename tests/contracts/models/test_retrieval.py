"""Every retrieval model of the catalogue: its two sides, and that it learns online."""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from models.catalogue import CATALOGUE, find
from models.fields import Field
from models.retrieval.model import RetrievalModel
from models.retrievers import retrieval_model
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.candidates import MixedNegatives, candidates_of, memberships
from online_trainer.learners.retriever import Retriever
from tests.contracts.models.test_split import tables_of, with_vectors

TASTES, USERS, ITEMS, LENGTH = 4, 12, 24, 4
SMALL = {"dim": 8, "hidden": (8,), "interests": 2, "blocks": 1, "dropout": 0.0}
TASKS = ("retrieval", "autoencoder")


def fields(rows=None, length=LENGTH):
    def rows_of(count):
        return None if rows is None else count + 1

    return (
        Field("user_id", width=8, rows=rows_of(USERS), belongs_to="user"),
        Field("recent", width=8, length=length, rows=rows_of(ITEMS), belongs_to="user",
              shared_with="item_id"),
        Field("hour", width=8, rows=rows_of(24), belongs_to="context"),
        Field("item_id", width=8, rows=rows_of(ITEMS), belongs_to="item"),
        Field("item_categories", width=8, length=2, rows=rows_of(TASTES), belongs_to="item"),
    )  # fmt: skip


def rows_of(seed, n=32):
    """A user takes items of the user's taste, and has taken up to four of them before."""
    rng = np.random.default_rng(seed)
    users = rng.integers(1, USERS + 1, n)
    taken = 1 + users[:, None] % TASTES + TASTES * rng.integers(0, ITEMS // TASTES, (n, LENGTH + 1))
    kept = np.arange(LENGTH) < rng.integers(1, LENGTH + 1, n)[:, None]
    categories = np.stack([1 + users % TASTES, np.zeros(n, int)], axis=1)
    return {
        "user_id": users, "recent": taken[:, 1:] * kept, "hour": rng.integers(1, 25, n),
        "item_id": taken[:, 0], "item_categories": categories,
    }  # fmt: skip


def model_of(entry, given):
    keras.utils.set_random_seed(7)
    options = {name: value for name, value in SMALL.items() if name in entry.defaults()}
    if entry.family == "next item" and "hidden" in options:
        options["hidden"] = (8, 8)
    return retrieval_model({"name": entry.name, "options": options}, given)


@cache
def still(name):
    return model_of(find(name), fields(rows=True))


def own(network, x):
    return {name: x[name] for name in network.input}


def numbers(network, x):
    return keras.ops.convert_to_numpy(network(own(network, x), training=False))


@pytest.fixture(params=[e for e in CATALOGUE if e.task in TASKS], ids=lambda e: e.name)
def entry(request):
    return request.param


def test_both_sides_give_vectors_of_one_space_row_by_row(entry):
    model, x = still(entry.name), rows_of(0, 6)
    order = np.array([3, 0, 5, 1, 4, 2])
    shuffled = {name: column[order] for name, column in x.items()}
    assert model.candidate.output.shape[-1] == model.query.output.shape[-1]
    assert len(model.candidate.output.shape) == 2
    for side in (model.query, model.candidate):
        assert_allclose(numbers(side, x)[order], numbers(side, shuffled), atol=1e-6)


def test_more_padding_changes_nothing_and_nothing_but_padding_is_finite(entry):
    model, x = still(entry.name), rows_of(1, 6)
    longer = model_of(entry, fields(rows=True, length=7))
    longer.model.set_weights(model.model.get_weights())
    padded = {**x, "recent": np.pad(x["recent"], ((0, 0), (0, 3)))}
    assert_allclose(numbers(longer.query, padded), numbers(model.query, x), atol=1e-5)
    nothing = {name: np.zeros_like(column) for name, column in x.items()}
    assert np.isfinite(numbers(model.query, nothing)).all()
    assert np.isfinite(numbers(model.candidate, nothing)).all()


def test_a_saved_model_and_one_without_tables_give_what_the_model_gives(entry, tmp_path):
    model, x = still(entry.name), rows_of(2, 6)
    model.model.save(tmp_path / "model.keras")
    loaded = RetrievalModel.of(keras.models.load_model(tmp_path / "model.keras"), fields(rows=True))
    for ours, theirs in zip(model.learning, loaded.learning, strict=True):
        parts, given = split(ours), own(ours, x)
        body = parts.body(with_vectors(ours, parts, given), training=False)
        for name, expected in ours(given, training=False).items():
            assert_allclose(body[name], expected, atol=1e-6)
            assert_array_equal(theirs(given, training=False)[name], expected)


def test_every_weight_is_taught_and_only_the_rows_of_the_batch(entry):
    model, x = still(entry.name), rows_of(3, 8)
    x["user_id"] = np.resize([3, 4], 8)
    query, candidate = model.learning
    weights = list(model.model.trainable_weights)
    drawn = np.zeros(8, np.float32)
    if entry.task == "autoencoder":
        drawn = memberships(x["item_id"][:, None], x["item_id"])
    with tf.GradientTape() as tape:
        outputs = (query(own(query, x), training=True), candidate(own(candidate, x), training=True))
        loss = model.objective(*outputs, x["item_id"], drawn)
    slopes = tape.gradient(loss, [w.value for w in weights])
    starts = [w.path for w in weights if w.path.endswith("/start")]  # of empty histories alone
    untaught = {
        w.path for w, slope in zip(weights, slopes, strict=True)
        if slope is None or not np.any(tf.convert_to_tensor(slope))
    } - set(starts)  # fmt: skip
    # Whatever is added to all scores of a user teaches a softmax nothing.
    assert {path.split("/")[0] for path in untaught} <= {"linear.user_id"}
    table = tables_of(model.model).get("user_id")
    if table is not None:
        (slope,) = [s for w, s in zip(weights, slopes, strict=True) if w is table.embeddings]
        moved = np.flatnonzero(np.abs(tf.convert_to_tensor(slope)).sum(axis=1))
        assert_array_equal(moved, [3, 4])


def retriever(entry):
    given = fields()
    model = model_of(entry, given)
    query, candidate = map(split, model.learning)
    tables = {**query.tables, **candidate.tables}.values()
    candidates = candidates_of(model, given)
    if isinstance(candidates, MixedNegatives):
        candidates.draws = 16
    return Retriever(
        model.model,
        query,
        candidate,
        model.objective,
        DynamicTables(tables, {"": RowAdagrad(0.3)}, Policy(admit_after=1)),
        keras.optimizers.SGD(0.02),  # fewer operations to compile than Adam
        candidates,
        model.before_step,
    )


def test_it_learns_online_what_each_user_takes(entry):
    ours = retriever(entry)
    steps = []
    for seed in range(80):
        x = rows_of(seed)
        ones = np.ones(32, np.float32)
        steps.append(ours.learn(Batch(x, ones, ones, np.ones(32, bool))))
    assert all(step.is_finite for step in steps)
    assert np.mean([step.hit_rate for step in steps[-5:]]) > 0.8  # by chance 0.4
    assert np.mean([step.loss for step in steps[-5:]]) < np.mean([s.loss for s in steps[:3]])
