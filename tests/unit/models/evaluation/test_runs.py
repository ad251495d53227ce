"""Runs: what is learnt, when it stops, what decides a result, and the order of test and train."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.catalogue import find
from models.evaluation.encoded import encoded
from models.evaluation.figures import auc
from models.evaluation.networks import Network, compiled, optimizer, slow_down
from models.evaluation.runs import EvaluationRun, execute, trained
from models.evaluation.settings import Training
from models.evaluation.warm_start import WarmStart
from models.layers.field_embedding import FieldEmbedding

QUICK = Training(width=4, batch_size=200, epochs=12, learning_rate=0.02, l2=0.0)
SMALL = {"hidden": (16,)}


def run_of(dataset, name="fm", split="random", seed=0, training=QUICK, **options):
    known = find(name).defaults()
    options = {k: v for k, v in {**SMALL, **options}.items() if k in known}
    return EvaluationRun(find(name), dataset, split, seed, training=training, options=options)


def metrics_of(result):
    return result.metrics


@pytest.mark.parametrize("name", ["deepfm", "xgboost"])
def test_a_model_finds_the_planted_rule(dataset, name):
    result = execute(run_of(dataset, name, **({"trees": 50} if name == "xgboost" else {})))
    metrics = metrics_of(result)
    assert metrics["auc"] > 0.95
    assert metrics["gauc"] > 0.95
    assert metrics["log_loss"] < 0.3
    assert set(metrics) >= {"normalised_entropy", "rmse", "ndcg@10", "mrr", "recall@10"}
    assert result.examples_per_s == pytest.approx(4320 * result.epochs / result.train_s)


def test_in_time_order_every_batch_is_scored_before_it_is_learnt(make):
    dataset = make(600)
    run = run_of(dataset, split="progressive")
    result = execute(run)
    fields, rows = encoded(dataset, np.arange(600), width=4)
    keras.utils.set_random_seed(0)
    model = compiled(run.entry, fields, {}, QUICK)
    losses = []
    for start in range(0, 600, 200):
        batch = rows.at(slice(start, start + 200))
        p = keras.ops.sigmoid(model(batch.x, training=False)).numpy().ravel()
        losses.extend(-batch.y * np.log(p) - (1 - batch.y) * np.log1p(-p))
        model.train_on_batch(batch.x, batch.y)
    assert result.metrics["log_loss"] == pytest.approx(np.mean(losses), abs=1e-5)
    assert result.epochs == 1
    assert result.curve[-1] == (600, result.metrics["auc"])


def test_in_time_order_what_comes_later_changes_no_earlier_score(make):
    dataset = make(800)
    other = make(800)
    other.labels[600:] = 1 - other.labels[600:]
    curves = [execute(run_of(each, split="progressive")).curve for each in (dataset, other)]
    (before, _), (before_other, _) = (
        ([point for point in curve if point[0] <= 600], curve) for curve in curves
    )
    assert before == before_other


def test_a_seed_gives_the_same_run_and_another_seed_another(make):
    dataset = make(2000)
    training = Training(width=4, batch_size=200, epochs=2)
    first, again, other = (
        execute(run_of(dataset, seed=seed, training=training)).metrics for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_labels_of_the_test_part_are_never_learnt_from(make):
    dataset, other = make(3000), make(3000)
    other.labels[2400:] = 1 - other.labels[2400:]
    one, reverse = (metrics_of(execute(run_of(each, split="time"))) for each in (dataset, other))
    assert one["auc"] + reverse["auc"] == pytest.approx(1.0)


def test_training_stops_when_validation_gains_nothing_and_keeps_the_best_weights(make):
    dataset = make(2000)
    fields, rows = encoded(dataset, np.arange(2000), width=4)
    rows.y[:] = np.random.default_rng(5).integers(0, 2, 2000)  # nothing to learn
    train, valid = rows.at(slice(0, 1500)), rows.at(slice(1500, 2000))
    training = Training(width=4, batch_size=200, epochs=60, patience=2, learning_rate=0.05)
    reached = []
    network = Network(find("fm"), fields, {}, training, seed=0)
    epochs, _ = network.fit(train, valid, lambda share, best: reached.append(best))
    assert epochs < 60
    assert auc(valid.y, network.predict(valid.x)) == pytest.approx(max(reached))


def test_everything_that_decides_a_run_is_in_its_key(make):
    dataset = make(100)
    base = run_of(dataset, "deepfm")
    others = [
        run_of(make(100, seed=1), "deepfm"),
        run_of(dataset, "dcn_v2"),
        run_of(dataset, "deepfm", split="time"),
        run_of(dataset, "deepfm", seed=1),
        run_of(dataset, "deepfm", training=Training(width=8)),
        run_of(dataset, "deepfm", hidden=(8,)),
    ]
    assert run_of(make(100), "deepfm").key == base.key
    assert all(other.key != base.key for other in others)


@pytest.mark.parametrize(
    ("name", "split", "given", "l2"),
    [
        ("deepfm", "random", None, 1e-3),
        ("deepfm", "progressive", None, 0.0),
        ("fm", "random", None, 1e-5),
        ("fm", "progressive", 0.1, 0.1),
        ("fm", "random", 0.0, 0.0),
        ("fm", "random", 0.1, 0.1),
    ],
)
def test_the_penalty_is_the_models_own_where_none_is_given(make, name, split, given, l2):
    run = run_of(make(100), name, split=split, training=Training(l2=given))
    assert run.key["training"]["l2"] == l2


@pytest.mark.parametrize(
    ("split", "given", "rate"),
    [("random", None, 0.01), ("progressive", None, 0.003), ("progressive", 0.1, 0.1)],
)
def test_the_learning_rate_is_the_models_own_where_none_is_given(make, split, given, rate):
    entry = replace(find("deepfm"), learning_rate=0.01)
    run = EvaluationRun(entry, make(100), split, training=Training(learning_rate=given))
    assert run.key["training"]["learning_rate"] == rate


def test_a_network_begins_with_what_a_machine_has_learnt_from_the_same_rows(dataset):
    """A network that hardly moves has the rows that the machine alone would have."""
    still = replace(QUICK, learning_rate=1e-9, epochs=1)
    begun = trained(run_of(dataset, "fnn", training=still)).learner
    own = replace(QUICK, learning_rate=None, l2=None, epochs=1)
    machine = trained(run_of(dataset, "fm", training=own)).learner
    assert isinstance(begun, WarmStart) and isinstance(machine, Network)
    learnt = {weight.path: weight for weight in machine.model.weights}
    shared = [weight for weight in begun.network.model.weights if weight.path in learnt]
    assert len(shared) == len(learnt)
    for weight in shared:
        assert_allclose(weight, learnt[weight.path], atol=1e-6, err_msg=weight.path)


def test_a_run_that_begins_from_another_is_known_by_how_that_one_trains(make):
    dataset = make(100)
    assert run_of(dataset, "fnn").key["begins_from"]["fm"]["l2"] == find("fm").l2
    assert not run_of(dataset, "fm").key["begins_from"]
    assert not run_of(dataset, "fnn", split="progressive").key["begins_from"]


def test_dropout_is_for_those_that_have_it_and_an_option_goes_before_it(make):
    dataset, training = make(100), Training(dropout=0.3)
    assert run_of(dataset, "deepfm", training=training).resolved["dropout"] == 0.3
    assert run_of(dataset, "deepfm", training=training, dropout=0.1).resolved["dropout"] == 0.1
    assert "dropout" not in run_of(dataset, "lr", training=training).resolved


def test_the_penalty_is_on_embedding_rows_and_on_nothing_else(dataset):
    fields, _ = encoded(dataset, np.arange(len(dataset)), width=4)
    model = compiled(find("deepfm"), fields, SMALL, Training(l2=0.1, learning_rate=0.01))
    for layer in model.layers:
        if isinstance(layer, FieldEmbedding):
            layer.embeddings.assign(np.ones(layer.embeddings.shape))
    # 22 rows of users and 32 of items, of which `recent` uses the same, of width 4.
    assert_allclose(sum(float(loss) for loss in model.losses), 0.1 * (22 + 32) * 4, rtol=1e-5)


def test_every_learning_rate_slows_down():
    several = optimizer(find("wide_deep"), 0.01)
    slow_down(several, 0.5)
    rates = {name: float(each.learning_rate) for name, each in several.optimizers.items()}
    assert rates == pytest.approx({"": 0.005, "linear.": 0.1})


def test_weights_have_the_optimisers_that_the_catalogue_names():
    assert isinstance(optimizer(find("deepfm"), 0.001), keras.optimizers.Adam)
    several = optimizer(find("wide_deep"), 0.001)
    assert isinstance(several.optimizers[""], keras.optimizers.Adam)
    assert isinstance(several.optimizers["linear."], keras.optimizers.Ftrl)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dcn_v2", {"embedding.": "adagrad", "linear.": "adagrad"}),
        ("wide_deep", {"embedding.": "adagrad", "linear.": "ftrl"}),
    ],
)
def test_in_one_pass_rows_have_adagrad_where_the_catalogue_names_nothing(make, name, expected):
    run = run_of(make(100), name, split="progressive")
    assert {prefix: kind for prefix, (kind, _) in run.key["optimisers"].items()} == expected
    assert run_of(make(100), name).key["optimisers"].keys() == find(name).optimisers.keys()


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("two_tower", "random", "`models` must be rankers. Received: 'two_tower', for retrieval"),
        ("xgboost", "progressive", "must not be 'progressive' for 'xgboost'"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(make, name, split, message):
    with pytest.raises(ConfigurationError, match=message):
        execute(EvaluationRun(find(name), make(100), split))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"width": 0}, "`width` must be at least 1. Received: 0"),
        ({"learning_rate": 0.0}, "`learning_rate` must be above 0"),
        ({"decay": 0.0}, "`decay` must be above 0, and at most 1"),
        ({"l2": -1.0}, "`l2` must be 0 or more"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\)"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, message):
    with pytest.raises(ConfigurationError, match=message):
        Training(**given)
