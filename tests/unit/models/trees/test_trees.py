"""Models on trees: what they see, what they learn, and their way to a file and back."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from millstream.errors import ConfigurationError
from models.catalogue import CATALOGUE, build
from models.fields import Field
from models.trees.boosted import xgboost
from models.trees.design import Design
from models.trees.logistic import fit_logistic

IDS = 12
FIELDS = (
    Field("user", rows=IDS + 1),
    Field("item", rows=IDS + 1),
    Field("recent", rows=IDS + 1, length=3, times="ages"),
    Field("ages", "float", width=3),
    Field("price", "float"),
)
POINTWISE = ["xgboost", "gbdt_lr"]


def planted(n, seed=0):
    rng = np.random.default_rng(seed)
    x = {
        "user": rng.integers(1, IDS + 1, n),
        "item": rng.integers(1, IDS + 1, n),
        "recent": rng.integers(0, IDS + 1, (n, 3)),
        "ages": rng.random((n, 3)),
        "price": rng.random(n),
    }
    return x, (x["user"] % 2 == x["item"] % 2).astype(np.float32)


@pytest.fixture(params=POINTWISE)
def make(request):
    def make(**options):
        return build(request.param, FIELDS, **{"trees": 30, "depth": 4, **options})

    return make


def test_all_are_in_the_catalogue():
    trees = {entry.name for entry in CATALOGUE if entry.family == "trees"}
    assert trees == {*POINTWISE, "lambdamart"}


def test_lambdamart_learns_the_order_within_groups_whatever_the_level_of_a_group():
    """Half of the groups like most of what there is, half little of it; order goes by the price."""
    rng = np.random.default_rng(0)
    x, _ = planted(1500)
    groups = rng.permutation(1500) % 60
    y = (x["price"] > np.where(groups % 2, 0.7, 0.3)).astype(np.float32)
    model = build("lambdamart", FIELDS, trees=10, depth=2).fit(x, y, groups=(groups, None))
    scores = model.predict(x)
    assert ((scores > 0) & (scores < 1)).all()
    assert np.mean([roc_auc_score(y[groups == g], scores[groups == g]) for g in range(60)]) > 0.95
    assert np.corrcoef(scores, x["price"])[0, 1] > 0.5
    with pytest.raises(ConfigurationError, match="`groups` must be given for trees that rank"):
        build("lambdamart", FIELDS).fit(x, y)


def test_a_list_counts_its_ids_and_padding_is_missing():
    x = {
        "user": np.array([3, 0]),
        "item": np.array([1, 2]),
        "recent": np.array([[2, 2, 0], [0, 0, 0]]),
        "ages": np.zeros((2, 3)),
        "price": np.array([0.0, 0.5]),
    }
    design = Design(FIELDS)
    matrix = design.matrix(x)
    assert design.kinds == ["c", "c"] + ["q"] * (IDS + 1) + ["q"]
    assert matrix.shape == (2, 2 + IDS + 1 + 1)
    first = dict(zip(matrix[0].indices.tolist(), matrix[0].data.tolist(), strict=True))
    assert first == {0: 3.0, 1: 1.0, 4: 2.0, IDS + 3: 0.0}  # a price of 0 is a price
    assert dict(zip(matrix[1].indices.tolist(), matrix[1].data.tolist(), strict=True)) == {
        1: 2.0,
        IDS + 3: 0.5,
    }


def test_they_learn_a_rule_of_two_ids(make):
    x, y = planted(3000)
    unseen, truth = planted(1000, seed=1)
    assert roc_auc_score(truth, make().fit(x, y).predict(unseen)) > 0.95


def test_they_stop_when_validation_rows_gain_nothing(make):
    x, _ = planted(1000)
    noise = np.random.default_rng(10).integers(0, 2, 1000).astype(np.float32)
    other = np.random.default_rng(11).integers(0, 2, 1000).astype(np.float32)
    model = make(trees=200, patience=5).fit(x, noise, (planted(1000, seed=1)[0], other))
    assert model.size < 50


def test_a_seed_gives_the_same_trees(make):
    x, y = planted(500)
    first, second, third = (make(seed=seed).fit(x, y).predict(x) for seed in (0, 0, 1))
    assert_array_equal(first, second)
    assert (first != third).any()


def test_what_was_saved_scores_alike(make, tmp_path):
    x, y = planted(500)
    model = make().fit(x, y)
    model.save(tmp_path / "model")
    assert_array_equal(make().load(tmp_path / "model").predict(x), model.predict(x))


def test_logistic_regression_is_scikit_learns():
    rng = np.random.default_rng(0)
    rows = rng.random((300, 5))
    labels = (rng.random(300) < rows[:, 0]).astype(float)
    weights, bias = fit_logistic(csr_matrix(rows), labels, penalty=2.0)
    expected = LogisticRegression(C=0.5, tol=1e-8).fit(rows, labels)
    assert_allclose(weights, expected.coef_[0], atol=1e-3)
    assert bias == pytest.approx(expected.intercept_[0], abs=1e-3)


def test_margins_that_are_known_beforehand_need_no_weights():
    """Margins that X w gives: what is left to learn is the rest of the way from there."""
    rng = np.random.default_rng(0)
    rows = rng.random((300, 5))
    labels = (rng.random(300) < rows[:, 0]).astype(float)
    free, bias = fit_logistic(csr_matrix(rows), labels, penalty=0.0)
    near = free + 0.1
    weights, _ = fit_logistic(csr_matrix(rows), labels, penalty=0.0, margins=rows @ near + bias)
    assert_allclose(near + weights, free, atol=1e-2)


def test_trees_and_logistic_regression_is_a_sum_of_leaf_weights():
    """Those of the trees, and the regression's steps away from them."""
    x, y = planted(400)
    model = build("gbdt_lr", FIELDS, trees=5, depth=3, penalty=1.0).fit(x, y)
    leaves, margins = model.boosted.leaves(x)
    steps = np.split(model._steps, model._starts[1:-1])
    assert np.abs(model._steps).max() > 0.01
    for row in range(20):
        z = margins[row] + model._bias
        z += sum(steps[t][leaf] for t, leaf in enumerate(leaves[row]))
        assert model.predict(x)[row] == pytest.approx(1 / (1 + np.exp(-z)))


def test_a_regression_that_may_not_move_leaves_the_trees_as_they_are():
    x, y = planted(400)
    model = build("gbdt_lr", FIELDS, trees=5, depth=3, penalty=1e9).fit(x, y)
    _, margins = model.boosted.leaves(x)
    assert_allclose(logit(model.predict(x)) - margins, model._bias, atol=1e-4)


def test_the_regression_learns_from_rows_that_the_trees_have_not_seen(monkeypatch):
    x, y = planted(200)
    x["price"] = np.arange(200.0)  # tells which row it is
    model = build("gbdt_lr", FIELDS, trees=3, held_out=0.25)
    seen = {}

    def recorded(part, method):
        def run(x, *rest):
            seen[part] = x["price"]
            return method(x, *rest)

        return run

    monkeypatch.setattr(model.boosted, "fit", recorded("trees", model.boosted.fit))
    monkeypatch.setattr(model.boosted, "leaves", recorded("regression", model.boosted.leaves))
    model.fit(x, y)
    assert len(seen["regression"]) == 50
    assert_array_equal(np.sort([*seen["trees"], *seen["regression"]]), x["price"])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_regression_needs_rows_of_its_own_and_so_do_the_trees(share):
    with pytest.raises(ConfigurationError, match="`held_out` must be above 0 and below 1"):
        build("gbdt_lr", FIELDS, held_out=share)


def test_a_leaf_weight_is_the_papers():
    """One tree of one split: w* = -G / (H + lambda), with p = the mean of the labels."""
    x = {"price": np.array([0.0, 0.0, 0.0, 1.0])}
    y = np.array([1.0, 1.0, 0.0, 0.0])
    field = [Field("price", "float")]
    model = xgboost(field, trees=1, depth=1, learning_rate=1.0, row_share=1.0, column_share=1.0)
    model.parameters |= {"base_score": 0.5, "min_child_weight": 0.0}
    low, high = model.fit(x, y).predict({"price": np.array([0.0, 1.0])})
    # Left: gradients p - y of 2 positives and 1 negative, hessians of 1/4 each; lambda is 1.
    assert np.log(low / (1 - low)) == pytest.approx(-(-0.5 - 0.5 + 0.5) / (0.75 + 1), rel=1e-5)
    assert np.log(high / (1 - high)) == pytest.approx(-0.5 / (0.25 + 1), rel=1e-5)


def test_without_xgboost_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'millstream\[trees\]'"):
        build("xgboost", FIELDS)
