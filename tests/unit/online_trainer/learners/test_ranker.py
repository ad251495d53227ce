"""The ranker against what Keras itself computes on the same network."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.catalogue import build
from models.fields import Field
from models.layers.field_embedding import layer_name
from models.rows import RowInit
from models.split import split
from online_trainer.embeddings.optimisers import RowAdagrad
from online_trainer.embeddings.slab import Policy
from online_trainer.embeddings.tables import DynamicTables
from online_trainer.learners.batch import Batch
from online_trainer.learners.objective import POINTWISE, Objective
from online_trainer.learners.ranker import Ranker

IDS = 9
FIELDS = (
    ("user_id", {"width": 4}),
    ("item_id", {"width": 4}),
    ("recent", {"width": 4, "length": 3, "shared_with": "item_id"}),
    ("age", {"dtype": "float"}),
)


def network(name: str, rows: int | None) -> keras.Model:
    """The same first weights every time."""
    keras.utils.set_random_seed(3)
    fields = [
        Field(field, **options, **({"rows": rows} if "width" in options else {}))  # type: ignore[arg-type]
        for field, options in FIELDS
    ]
    return build(name, fields)


def ranker(
    name: str = "dcn_v2",
    objective: Objective = POINTWISE,
    *,
    corrects: bool = False,
    **options: float,
) -> Ranker:
    model = network(name, None)
    parts = split(model)
    rate = options.get("rate", 0.1)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad(rate)}, Policy(admit_after=1))
    optimiser = keras.optimizers.SGD(options.get("dense_rate", 0.1))
    return Ranker(model, parts, tables, optimiser, objective, corrects_sampling=corrects)


def batch(rows: int, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    inputs: dict[str, np.ndarray] = {
        "user_id": rng.integers(1, IDS, rows),
        "item_id": rng.integers(1, IDS, rows),
        "recent": rng.integers(0, IDS, (rows, 3)),
        "age": rng.random(rows).astype(np.float32),
    }
    labels = rng.integers(0, 2, rows).astype(np.float32)
    return Batch(inputs, labels, rng.random(rows).astype(np.float32), labels > 0.5)


@pytest.mark.parametrize("name", ["dcn_v2", "deepfm"])
def test_scores_are_those_of_the_whole_network_with_the_same_rows(name):
    whole, ours = network(name, IDS), ranker(name)
    given = batch(16)
    ours.tables.locate(ours.tables.keys(ours._reads(given)), 1)
    expected = keras.ops.convert_to_numpy(keras.ops.sigmoid(whole(dict(given.inputs))))[:, 0]
    np.testing.assert_allclose(ours.score(given), expected, 1e-5)


@pytest.mark.parametrize("name", ["dcn_v2", "deepfm"])
def test_one_step_moves_every_weight_and_row_as_the_gradient_of_the_whole_network_says(name):
    whole, ours, given = network(name, IDS), ranker(name, rate=0.1), batch(32)
    with tf.GradientTape() as tape:
        logits = whole(dict(given.inputs), training=True)[:, 0]
        losses = tf.nn.sigmoid_cross_entropy_with_logits(given.labels, logits)
        total = tf.reduce_sum(given.weights * losses)
        mean = total / tf.reduce_sum(given.weights)
    variables = [weight.value for weight in whole.trainable_variables]
    sums = tape.gradient(total, variables)
    learnt = ours.learn(given)
    assert learnt.loss == pytest.approx(float(mean), rel=1e-5)

    dense = iter(ours.network.trainable_variables)
    names = {layer_name(table): table for table in ours.parts.tables}
    for variable, gradient in zip(whole.trainable_variables, sums, strict=True):
        before = keras.ops.convert_to_numpy(variable)
        if "embedding" in variable.path:
            gradient = np.asarray(tf.convert_to_tensor(gradient))
            total_square = 0.1 + np.mean(gradient**2, axis=1, keepdims=True)
            expected = before - 0.1 * gradient / np.sqrt(total_square)
            table = names[variable.path.split("/")[-2]]
            found = rows_of(ours, table, np.arange(1, IDS))
            np.testing.assert_allclose(found, expected[1:], 1e-4, 1e-6, err_msg=variable.path)
        else:
            share = gradient / tf.reduce_sum(given.weights)
            found = keras.ops.convert_to_numpy(next(dense))
            np.testing.assert_allclose(found, before - 0.1 * share, 1e-4, 1e-6)


def rows_of(ours: Ranker, table: str, ids: np.ndarray) -> np.ndarray:
    """Vectors of ids; for those that were never met, what they would start with."""
    keys = ours.tables.keys([(table, ids)])
    ((group, rows),) = ours.tables.find(keys).items()
    found = ours.tables.gather({group: rows})[group]
    width = found.shape[1]
    never = ~ours.tables.knows(table, ids)
    found[never] = RowInit().rows(ids[never], width, table)
    return found


def test_of_a_sample_the_loss_is_that_of_the_logit_less_the_logarithm_of_the_share_kept():
    given = batch(32)
    shares = np.linspace(0.01, 1.0, 32, dtype=np.float32)
    sample = replace(given, kept=shares)
    plain, learnt = ranker().learn(given), ranker(corrects=True).learn(sample)
    p = plain.scores.astype(np.float64)
    expected = p / shares / (p / shares + 1 - p)  # odds / share
    assert learnt.scores == pytest.approx(expected, rel=1e-4)
    losses = -np.where(given.labels > 0, np.log(expected), np.log(1 - expected))
    mean = (given.weights * losses).sum() / given.weights.sum()
    assert learnt.loss == pytest.approx(mean, rel=1e-4)


def test_from_a_sample_of_negatives_the_rate_before_sampling_is_learnt():
    """2 % of a thousand rows are positive, and of each 20 negatives one is kept."""
    size, share = 69, 0.05
    labels = np.r_[np.ones(20), np.zeros(49)].astype(np.float32)
    inputs: dict[str, np.ndarray] = {
        "user_id": np.zeros(size, np.int64),
        "item_id": np.zeros(size, np.int64),
        "recent": np.zeros((size, 3), np.int64),
        "age": np.zeros(size, np.float32),
    }
    ones = np.ones(size, np.float32)
    sample = Batch(inputs, labels, ones, labels > 0, kept=np.float32(share) * ones)
    ours = ranker("lr", corrects=True, dense_rate=2.0)
    for _ in range(200):
        ours.learn(sample)
    assert ours.score(sample)[0] == pytest.approx(20 / 69, rel=1e-3)
    assert ours.score(replace(sample, kept=None))[0] == pytest.approx(20 / (20 + 980), rel=1e-3)


def test_batches_of_any_size_are_traced_once():
    ours = ranker()
    for rows in (5, 1, 17, 64):
        ours.learn(batch(rows))
        ours.score(batch(rows))
    assert ours._learn._traced.experimental_get_tracing_count() == 1
    assert ours._score._traced.experimental_get_tracing_count() == 1


def test_a_score_is_given_before_the_step():
    ours, again = ranker(), ranker()
    given = batch(20)
    for seed in range(1, 4):
        ours.learn(batch(20, seed))
        again.learn(batch(20, seed))
    again.tables.locate(again.tables.keys(again._reads(given)), 99)
    np.testing.assert_array_equal(ours.learn(given).scores, again.score(given))


def test_scoring_changes_nothing():
    ours = ranker()
    ours.learn(batch(20))
    first = ours.score(batch(20, 7))
    size = len(ours.tables)
    np.testing.assert_array_equal(ours.score(batch(20, 7)), first)
    assert len(ours.tables) == size


def test_a_batch_without_weight_moves_no_dense_weight():
    ours = ranker()
    before = [keras.ops.convert_to_numpy(w).copy() for w in ours.network.variables]
    given = batch(8)
    ours.learn(Batch(given.inputs, given.labels, np.zeros(8, np.float32), given.is_positive))
    for weight, old in zip(ours.network.variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), old)


def test_a_network_with_dropout_is_scored_without_it():
    keras.utils.set_random_seed(3)
    model = build("dcn_v2", [Field("user_id", width=4)], dropout=0.5)
    parts = split(model)
    tables = DynamicTables(parts.tables.values(), {"": RowAdagrad()}, Policy(admit_after=1))
    ours = Ranker(model, parts, tables, keras.optimizers.SGD(0.0))
    given = Batch(
        {"user_id": np.full(64, 5)},
        np.ones(64, np.float32),
        np.ones(64, np.float32),
        np.ones(64, bool),
    )
    assert len(set(ours.learn(given).scores.tolist())) == 1


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_step_within_events_is_that_of_the_softmax_and_a_share_of_the_log_loss(share):
    """Events of four rows, the first one positive; then two rows met alone, and two of a list."""
    ours = ranker(objective=Objective("softmax", share), dense_rate=1.0)
    whole, given = network("dcn_v2", IDS), batch(20)
    labels = np.tile([1.0, 0.0, 0.0, 0.0], 5).astype(np.float32)
    labels[16:] = [0.0, 1.0, 0.0, 1.0]
    groups = np.array([*np.repeat(range(4), 4), 4, 5, 6, 7], np.int32)
    log_odds = np.random.default_rng(2).normal(0, 1, 20).astype(np.float32)
    is_shown = np.arange(20) >= 18
    rows = Batch(given.inputs, labels, given.weights, labels > 0.5, groups, log_odds, is_shown)
    ours.tables.locate(ours.tables.keys(ours._reads(rows)), 1)
    with tf.GradientTape() as tape:
        logits = whole(dict(given.inputs), training=True)[:, 0]
        own = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
        events = tf.reshape((logits - log_odds)[:16], (4, 4))
        within = -tf.nn.log_softmax(events)[:, 0]
        taught = tf.reduce_sum(within * given.weights[:16:4])
        taught += share * tf.reduce_sum((own * given.weights)[:18])
        taught += tf.reduce_sum((own * given.weights)[18:])
        mean = taught / tf.reduce_sum(given.weights)
    kernel = whole.get_layer("logit").kernel
    gradient = tape.gradient(mean, kernel.value)
    before = keras.ops.convert_to_numpy(ours.network.get_layer("logit").kernel).copy()
    learnt = ours.learn(rows)
    after = keras.ops.convert_to_numpy(ours.network.get_layer("logit").kernel)
    np.testing.assert_allclose(before - after, gradient.numpy(), rtol=2e-4, atol=1e-6)
    log_loss = float(tf.reduce_sum(own * given.weights) / tf.reduce_sum(given.weights))
    assert learnt.loss == pytest.approx(log_loss, rel=1e-4)


def test_where_no_event_has_negatives_each_row_counts_in_full():
    rows = replace(batch(8), groups=np.arange(8, dtype=np.int32))
    after = []
    for objective in (Objective("softmax", 0.2), POINTWISE):
        ours = ranker(objective=objective, dense_rate=1.0)
        ours.learn(rows)
        after.append(keras.ops.convert_to_numpy(ours.network.get_layer("logit").kernel))
    np.testing.assert_allclose(after[0], after[1], rtol=1e-5)
