"""What every network of the catalogue holds."""

import copy

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from models.catalogue import build

ENOUGH = 0.95


def scores_of(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def test_it_learns_a_rule_that_no_linear_model_can(entry, trainable, rows):
    if not entry.learns_pairs:
        pytest.skip("a linear model")
    x, y = rows(4000)
    unseen, truth = rows(1000, seed=1)
    model, reached = trainable(keras.optimizers.Adam(0.02), eager=False), 0.0
    for _ in range(8):
        if reached < ENOUGH:
            model.fit(x, y, batch_size=200, verbose=0)
            reached = roc_auc_score(truth, scores_of(model, unseen))
    assert reached >= ENOUGH

    def one_hot(x):
        return np.hstack([np.eye(31)[x["user_id"]], np.eye(31)[x["item_id"]]])

    linear = LogisticRegression().fit(one_hot(x), y)
    assert roc_auc_score(truth, linear.decision_function(one_hot(unseen))) < 0.6


def test_scores_have_one_column(still, rows):
    assert scores_of(still, rows(5)[0]).shape == (5, 1)


def test_a_batch_scores_as_its_rows_do_one_by_one(still, rows):
    x, _ = rows(6)
    singles = [scores_of(still, {k: v[i : i + 1] for k, v in x.items()}) for i in range(6)]
    assert_allclose(scores_of(still, x), np.concatenate(singles), atol=1e-6)


def test_the_order_of_rows_changes_nothing(still, rows):
    model, (x, _) = still, rows(6)
    order = np.array([3, 0, 5, 1, 4, 2])
    shuffled = scores_of(model, {k: v[order] for k, v in x.items()})
    assert_allclose(scores_of(model, x)[order], shuffled, atol=1e-6)


def test_more_padding_changes_nothing(still, network, rows):
    model, longer, (x, _) = still, network(length=9), rows(6)
    longer.set_weights(model.get_weights())
    padded = {**x, "recent": np.pad(x["recent"], ((0, 0), (0, 5)))}
    assert_allclose(scores_of(model, x), scores_of(longer, padded), atol=1e-6)


def test_rows_of_nothing_but_padding_score_finite(still, rows):
    nothing = {k: np.zeros_like(v) for k, v in rows(3)[0].items()}
    assert np.isfinite(scores_of(still, nothing)).all()


def test_every_input_matters(trainable, rows):
    model, (x, y) = trainable(keras.optimizers.SGD(0.1)), rows(8)
    for _ in range(3):  # first-order weights begin at 0
        model.train_on_batch(x, y)
    base = scores_of(model, x)
    for name, other in rows(8, seed=1)[0].items():
        assert not np.allclose(base, scores_of(model, {**x, name: other}), atol=1e-7), name


def test_predicting_twice_gives_the_same(trainable, rows):
    model, (x, _) = trainable("sgd", dropout=0.5), rows(64)
    assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))


def test_one_step_moves_every_weight_and_only_the_rows_of_the_batch(trainable, rows):
    model, (x, y) = trainable(keras.optimizers.SGD(1.0)), rows(16)
    x["user_id"] = np.resize([0, 3, 4], 16)
    before = {w.path: keras.ops.convert_to_numpy(w).copy() for w in model.trainable_weights}
    model.train_on_batch(x, y)
    after = {w.path: keras.ops.convert_to_numpy(w) for w in model.trainable_weights}
    still = [path for path, value in after.items() if (value == before[path]).all()]
    assert still == []
    users = next(path for path in after if path.endswith(".user_id/embeddings"))
    moved = np.flatnonzero((after[users] != before[users]).any(axis=1))
    assert_array_equal(moved, [3, 4])


def test_a_saved_model_scores_and_goes_on_learning_as_the_original(trainable, rows, tmp_path):
    model, (x, y) = trainable(keras.optimizers.Adam(0.01)), rows(64)
    for _ in range(3):
        model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_array_equal(scores_of(model, x), scores_of(loaded, x))
    for _ in range(2):
        model.train_on_batch(x, y)
        loaded.train_on_batch(x, y)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert_allclose(ours, theirs, atol=1e-7)


def test_building_does_not_change_what_it_is_given(entry, fields):
    options = {k: list(v) if isinstance(v, tuple) else v for k, v in entry.defaults().items()}
    before = copy.deepcopy((fields, options))
    build(entry.name, fields, **options)
    assert (fields, options) == before


def test_weights_have_the_same_names_in_every_build(still, network):
    assert [w.path for w in network().weights] == [w.path for w in still.weights]


def test_any_number_of_hidden_layers_works_and_more_are_another_function(entry, network, rows):
    if "hidden" not in entry.defaults():
        pytest.skip("no MLP")
    x, _ = rows(4)
    scores = [scores_of(network(hidden=hidden), x) for hidden in ((), (8,), (8, 8, 8))]
    assert np.isfinite(scores).all()
    assert not np.allclose(scores[1], scores[2])
