"""What every streaming metric holds, and its value beside scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score

from models.metrics import (
    Auc,
    Calibration,
    Gauc,
    LogLoss,
    Map,
    Mrr,
    Ndcg,
    NormalisedEntropy,
    RecallAt,
    Rmse,
    Scored,
    Windowed,
)

MAKERS = {
    "auc": Auc,
    "calibration": Calibration,
    "gauc": Gauc,
    "log_loss": LogLoss,
    "map": Map,
    "mrr": Mrr,
    "ndcg": Ndcg,
    "normalised_entropy": NormalisedEntropy,
    "recall": RecallAt,
    "rmse": Rmse,
    "windowed": lambda: Windowed(Auc, buckets=3, bucket_rows=10_000),
}
# A row that comes twice is another list, and a group counts once.
OF_LISTS = {"map", "mrr", "ndcg", "recall"}


def rows(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-rng.normal(-1.5, 1.5, n)))
    labels = (rng.random(n) < scores).astype(float)
    return Scored(labels, scores, rng.uniform(0.1, 2.0, n), rng.integers(0, 50, n))


def part(all_rows, where):
    return Scored(
        all_rows.labels[where],
        all_rows.scores[where],
        all_rows.weights[where],
        all_rows.groups[where],
    )


def measured(make, *batches):
    metric = make()
    for batch in batches:
        metric.update(batch)
    return metric


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def test_batches_count_as_one(make):
    whole = rows()
    parts = [part(whole, slice(i, i + 700)) for i in range(0, 3000, 700)]
    assert measured(make, *parts).result() == pytest.approx(measured(make, whole).result())


def test_merged_metrics_count_as_one(make):
    whole = rows()
    left, right = part(whole, slice(0, 1000)), part(whole, slice(1000, None))
    merged = measured(make, left)
    merged.merge(measured(make, right))
    assert merged.result() == pytest.approx(measured(make, whole).result())


def test_going_on_from_a_state_equals_never_having_stopped(make):
    first, second = rows(seed=1), rows(seed=2)
    resumed = make()
    resumed.restore(measured(make, first).state())
    resumed.update(second)
    assert resumed.result() == measured(make, first, second).result()


def test_a_state_is_arrays_and_a_copy(make):
    metric = measured(make, rows(seed=1))
    state = {name: values.copy() for name, values in metric.state().items()}
    taken = metric.state()
    metric.update(rows(seed=2))
    for name, values in taken.items():
        assert_array_equal(values, state[name])


def test_without_rows_there_is_no_value(make):
    assert np.isnan(make().result())


@pytest.mark.parametrize("name", sorted(MAKERS.keys() - OF_LISTS))
def test_weights_of_two_are_rows_that_came_twice(name):
    make, once = MAKERS[name], rows()
    labels, scores, groups = (np.tile(a, 2) for a in (once.labels, once.scores, once.groups))
    twice = Scored(labels, scores, groups=groups)
    weighted = Scored(once.labels, once.scores, np.full(3000, 2.0), once.groups)
    assert measured(make, weighted).result() == pytest.approx(measured(make, twice).result())


def test_auc_is_scikit_learns_within_its_uncertainty():
    r = rows()
    metric = measured(Auc, r)
    exact = roc_auc_score(r.labels, r.scores, sample_weight=r.weights)
    assert abs(metric.result() - exact) <= metric.uncertainty() + 1e-12
    assert metric.uncertainty() < 1e-3


def test_auc_holds_its_uncertainty_with_few_bins_and_ties():
    rng = np.random.default_rng(3)
    scores = rng.choice([0.0, 1e-6, 0.1, 0.11, 0.5, 1.0], 500)
    r = Scored((rng.random(500) < 0.3 + 0.5 * scores).astype(float), scores)
    for bins in (4, 64, 8192):
        metric = measured(lambda bins=bins: Auc(bins), r)
        exact = roc_auc_score(r.labels, r.scores)
        assert abs(metric.result() - exact) <= metric.uncertainty() + 1e-12


def test_auc_tells_rare_events_apart():
    scores = np.array([1e-5, 1.1e-5, 2e-5, 4e-5])
    assert measured(Auc, Scored(np.array([0, 0, 1, 1]), scores)).result() == 1.0


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_alone_has_no_auc_and_no_normalised_entropy(label):
    r = Scored(np.full(3, label), np.array([0.1, 0.2, 0.3]), groups=np.zeros(3))
    for metric in (Auc, Gauc, NormalisedEntropy):
        assert np.isnan(measured(metric, r).result())


def test_log_loss_is_scikit_learns():
    r = rows()
    expected = log_loss(r.labels, r.scores, sample_weight=r.weights)
    assert measured(LogLoss, r).result() == pytest.approx(expected)


def test_log_loss_stays_finite_when_a_certain_score_is_wrong():
    r = Scored(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert measured(LogLoss, r).result() == pytest.approx(-np.log(1e-7), rel=1e-6)


def test_normalised_entropy_is_one_for_the_mean_and_less_for_better():
    r = rows()
    mean = np.average(r.labels, weights=r.weights)
    always = Scored(r.labels, np.full(3000, mean), r.weights)
    assert measured(NormalisedEntropy, always).result() == pytest.approx(1.0)
    expected = log_loss(r.labels, r.scores, sample_weight=r.weights) / log_loss(
        r.labels, always.scores, sample_weight=r.weights
    )
    assert measured(NormalisedEntropy, r).result() == pytest.approx(expected)


def test_calibration_is_promised_over_kept():
    r = Scored(np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.25, 0.75]), np.array([1.0, 2.0, 1.0]))
    assert measured(Calibration, r).result() == pytest.approx(1.75 / 2.0)


def test_rmse_is_scikit_learns():
    r = rows()
    squares = mean_squared_error(r.labels, r.scores, sample_weight=r.weights)
    assert measured(Rmse, r).result() == pytest.approx(np.sqrt(squares))


def test_gauc_is_the_weighted_mean_of_scikit_learns_auc_within_users():
    r = rows(400)
    areas, weights = [], []
    for user in np.unique(r.groups):
        mine = part(r, r.groups == user)
        if 0 < mine.labels.sum() < len(mine.labels):
            areas.append(roc_auc_score(mine.labels, mine.scores, sample_weight=mine.weights))
            weights.append(mine.weights.sum())
    assert len(areas) < 50  # some users have one class alone
    assert measured(Gauc, r).result() == pytest.approx(np.average(areas, weights=weights))


def test_gauc_counts_ties_one_half():
    r = Scored(np.array([1, 0, 1, 0]), np.full(4, 0.5), groups=np.array([1, 1, 2, 2]))
    assert measured(Gauc, r).result() == 0.5


def test_gauc_asks_for_groups():
    with pytest.raises(ValueError, match="`groups` must be given for GAUC"):
        Gauc().update(Scored(np.array([1.0]), np.array([0.5])))


def test_a_window_forgets_the_oldest_bucket():
    window = Windowed(LogLoss, buckets=2, bucket_rows=100)
    batches = [rows(100, seed) for seed in range(4)]
    for batch in batches:
        window.update(batch)
    assert window.result() == pytest.approx(measured(LogLoss, *batches[2:]).result())


def test_a_window_that_was_restored_forgets_alike():
    batches = [rows(60, seed) for seed in range(9)]

    def make():
        return Windowed(Gauc, buckets=2, bucket_rows=100)

    resumed = make()
    resumed.restore(measured(make, *batches[:5]).state())
    for batch in batches[5:]:
        resumed.update(batch)
    assert resumed.result() == measured(make, *batches).result()


@pytest.mark.parametrize(
    "given", [{"buckets": 0, "bucket_rows": 1}, {"buckets": 1, "bucket_rows": 0}]
)
def test_a_window_without_room_is_refused(given):
    with pytest.raises(ValueError, match="`buckets` and `bucket_rows` must be at least 1"):
        Windowed(Auc, **given)


def test_a_state_of_another_metric_is_refused():
    with pytest.raises(ValueError, match=r"`state` must hold 2 sums. Received: \(3,\)"):
        LogLoss().restore(NormalisedEntropy().state())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": [2.0]}, r"`labels` must be in \[0, 1\]. Received: 2.0 at row 0."),
        ({"scores": [np.nan]}, r"`scores` must be in \[0, 1\]. Received: nan at row 0."),
        ({"weights": [-1.0]}, r"`weights` must be in \[0, inf\]. Received: -1.0"),
        (
            {"scores": [0.1, 0.2]},
            r"`scores` must have one value for each of the 1 rows. Received: shape \(2,\)",
        ),
        ({"groups": [1, 2]}, "`groups` must have one value for each of the 1 rows"),
        (
            {"labels": [[1.0]]},
            r"`labels` must have one value for each of the 1 rows. Received: shape \(1, 1\)",
        ),
    ],
)
def test_rows_that_cannot_be_are_refused(given, message):
    given = {"labels": [1.0], "scores": [0.5], **given}
    arrays: dict[str, Any] = {name: np.array(values) for name, values in given.items()}
    with pytest.raises(ValueError, match=message):
        Scored(**arrays)
