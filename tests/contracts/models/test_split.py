"""Every network of the catalogue without its tables."""

import keras
import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose

from models.layers.field_embedding import FieldEmbedding
from models.split import split


def tables_of(model):
    return {layer.table: layer for layer in model.layers if isinstance(layer, FieldEmbedding)}


def with_vectors(model, parts, x):
    """The body's inputs: rows taken from the network's own tables."""
    tables = tables_of(model)
    vectors = {
        use.input_name: keras.ops.convert_to_numpy(tables[use.table](x[use.field]))
        for use in parts.lookups
    }
    return {**x, **vectors}


def scores_of(model, x):
    return keras.ops.convert_to_numpy(
        model({k: keras.ops.convert_to_tensor(v) for k, v in x.items()}, training=False)
    )


def test_the_body_gives_what_the_network_gives(still, rows):
    model, (x, _) = still, rows(32)
    parts = split(model)
    body = scores_of(parts.body, with_vectors(model, parts, x))
    assert_allclose(body, scores_of(model, x), rtol=0, atol=1e-6)


def test_a_network_that_was_saved_splits_alike(still, rows, tmp_path):
    model, (x, _) = still, rows(8)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    parts = split(loaded)
    assert parts.lookups == split(model).lookups
    assert parts.tables == split(model).tables
    body = scores_of(parts.body, with_vectors(loaded, parts, x))
    assert_allclose(body, scores_of(model, x), rtol=0, atol=1e-6)


def test_the_body_holds_every_weight_but_the_tables(still):
    model = still
    rows = {id(layer.embeddings) for layer in tables_of(model).values()}
    rest = [w.path for w in model.weights if id(w) not in rows]
    body = split(model).body
    assert sorted(w.path for w in body.weights) == sorted(rest)
    assert {id(w) for w in body.weights} == {id(w) for w in model.weights} - rows


def test_a_step_on_the_body_moves_the_network(network, rows):
    model, (x, y) = network(), rows(16)
    parts = split(model)
    before = scores_of(model, x)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    parts.body.compile(keras.optimizers.SGD(0.5), loss, jit_compile=False)
    parts.body.train_on_batch(with_vectors(model, parts, x), y)
    assert not np.allclose(scores_of(model, x), before)


def test_a_network_can_be_saved_after_it_was_split(still, rows, tmp_path):
    model, (x, _) = still, rows(4)
    split(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(scores_of(loaded, x), scores_of(model, x), atol=1e-7)


def test_ids_that_were_never_seen_score_finite_and_apart(still, rows):
    x, _ = rows(8)
    parts = split(still)
    rng = np.random.default_rng(3)
    x = {k: rng.integers(1, 2**62, v.shape) if v.dtype == np.int64 else v for k, v in x.items()}
    for use in parts.lookups:
        table = parts.tables[use.table]
        vectors = table.init.rows(x[use.field].ravel(), table.width, table.name)
        x[use.input_name] = vectors.reshape(*x[use.field].shape, table.width)
    scores = scores_of(parts.body, x)
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) == 8


def test_lookups_name_inputs_and_tables_that_exist(still):
    parts = split(still)
    assert {use.table for use in parts.lookups} == set(parts.tables)
    for use in parts.lookups:
        assert use.field in parts.body.input
        width = parts.body.input[use.input_name].shape[-1]
        assert width == parts.tables[use.table].width


def test_learning_outside_of_keras_equals_fit(network, trainable, rows):
    """Plain SGD, three steps: in `fit`, and on the body with rows that are updated here."""
    rate = 0.5
    inside, outside = trainable(keras.optimizers.SGD(rate)), network()
    parts = split(outside)
    tables = {name: t.init.rows(np.arange(31), t.width, name) for name, t in parts.tables.items()}
    for seed in range(3):
        x, y = rows(32, seed)
        inside.train_on_batch(x, y)
        vectors = {
            use.input_name: tf.constant(tables[use.table][x[use.field]]) for use in parts.lookups
        }
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            given = {**{k: tf.constant(v) for k, v in x.items()}, **vectors}
            outputs = parts.body(given, training=True)
            loss = keras.losses.BinaryCrossentropy(from_logits=True)(y[:, None], outputs)
            loss = tf.add_n([loss, *parts.body.losses])
        weights = parts.body.trainable_variables
        by_weight, by_vector = tape.gradient(loss, (weights, vectors))
        for weight, slope in zip(weights, by_weight, strict=True):
            weight.assign_sub(rate * slope)
        for use in parts.lookups:
            ids, slope = x[use.field], by_vector[use.input_name].numpy()
            np.subtract.at(tables[use.table], ids, rate * slope * (ids != 0)[..., None])
    for name, layer in tables_of(inside).items():
        assert_allclose(keras.ops.convert_to_numpy(layer.embeddings), tables[name], atol=1e-5)
    for ours, theirs in zip(
        split(inside).body.get_weights(), parts.body.get_weights(), strict=True
    ):
        assert_allclose(ours, theirs, atol=1e-5)
