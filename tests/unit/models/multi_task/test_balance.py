import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.fields import Task
from models.multi_task.balance import Decaying, Dtp, Dwa, Fixed, Measured
from models.multi_task.gradient_balance import GradNorm, PeLtr, balances, on_simplex
from models.multi_task.uncertainty import Uncertainty


def measured(losses, *gradients):
    g = np.array(gradients)
    return Measured(np.array(losses), g @ g.T)


def test_fixed_and_decaying_weights_are_what_was_given():
    assert Fixed([2.0, 0.5]).weights(None).tolist() == [2.0, 0.5]
    decaying = Decaying([1.0, 2.0], [0.5, 1.0])
    assert [decaying.weights(None).tolist() for _ in range(3)] == [[1, 2], [0.5, 2], [0.25, 2]]


def test_grad_norm_brings_gradients_of_unlike_size_together():
    """Losses fall alike, so the targets are one: weights end in inverse proportion to the norms."""
    balance = GradNorm(2, rate=0.01)
    weights = [balance.weights(measured([1.0, 1.0], [4.0, 0.0], [0.0, 1.0])) for _ in range(400)]
    assert weights[0].tolist() == [1.0, 1.0]
    assert weights[-1][0] * 4.0 == pytest.approx(weights[-1][1] * 1.0, rel=0.1)
    assert weights[-1].sum() == pytest.approx(2.0)


def test_grad_norm_steps_along_the_slope_of_its_loss():
    """The slope of sum |w g - target|, the target held still, by differences."""
    losses, norms = np.array([0.5, 1.2, 0.9]), np.array([1.0, 3.0, 0.4])
    balance = GradNorm(3, alpha=0.7, rate=0.001)
    balance.weights(measured([1.0, 1.0, 1.0], *np.eye(3)))
    used = balance.weights(measured(losses, *np.diag(norms)))
    moved = balance.weights(measured(losses, *np.diag(norms)))
    target = (used * norms).mean() * (losses / losses.mean()) ** 0.7

    def loss(w):
        return np.abs(w * norms - target).sum()

    slope = [(loss(used + e) - loss(used - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
    stepped = used - 0.001 * np.array(slope)
    assert_allclose(moved, 3 * stepped / stepped.sum(), rtol=1e-5)


def test_grad_norm_helps_the_task_that_learns_more_slowly():
    balance = GradNorm(2, rate=0.01)
    balance.weights(measured([1.0, 1.0], [1.0, 0.0], [0.0, 1.0]))
    for _ in range(50):
        weights = balance.weights(measured([0.9, 0.1], [1.0, 0.0], [0.0, 1.0]))
    assert weights[0] > 1.2 > 0.8 > weights[1]


def test_dwa_weighs_by_how_fast_the_means_of_epochs_fall():
    balance = Dwa(2, temperature=2.0)
    figures = np.zeros(2)
    assert balance.weights(None).tolist() == [1.0, 1.0]
    balance.end_epoch(np.array([1.0, 1.0]), figures)
    assert balance.weights(None).tolist() == [1.0, 1.0]
    balance.end_epoch(np.array([0.9, 0.3]), figures)
    e = np.exp(np.array([0.9, 0.3]) / 2.0)
    assert_allclose(balance.weights(None), 2 * e / e.sum())


def test_dtp_weighs_what_is_not_yet_learnt():
    balance = Dtp(2, gamma=2.0, share=0.5)
    assert balance.weights(None).tolist() == [1.0, 1.0]
    balance.end_epoch(np.zeros(2), np.array([0.6, 0.9]))
    balance.end_epoch(np.zeros(2), np.array([0.8, 0.9]))
    kappa = np.array([0.7, 0.9])
    assert_allclose(balance.weights(None), -((1 - kappa) ** 2) * np.log(kappa))


@pytest.mark.parametrize("seed", range(5))
def test_pe_ltr_finds_the_shortest_sum_of_gradients(seed):
    rng = np.random.default_rng(seed)
    g = rng.normal(size=(2, 4)) * [[3.0], [1.0]]
    least = np.array([0.1, 0.2])
    found = PeLtr(least).weights(measured([1.0, 1.0], *g))
    shares = np.linspace(0.1, 0.8, 70001)  # of the first task; the second has at least .2
    lengths = np.square(np.outer(shares, g[0]) + np.outer(1 - shares, g[1])).sum(axis=1)
    assert found[0] == pytest.approx(shares[lengths.argmin()], abs=1e-4)
    assert found.sum() == pytest.approx(1.0)


def test_pe_ltr_of_three_tasks_gives_no_task_less_than_it_must_have():
    rng = np.random.default_rng(0)
    for _ in range(20):
        found = PeLtr([0.1, 0.1, 0.1]).weights(measured([1, 1, 1], *rng.normal(size=(3, 2))))
        assert found.min() >= 0.1 - 1e-9
        assert found.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="`least` must be 0 or more each"):
        PeLtr([0.5, 0.6])


def test_the_nearest_point_of_the_simplex_is_nearer_than_any_other():
    rng = np.random.default_rng(1)
    for _ in range(10):
        x = rng.normal(size=3)
        found = on_simplex(x, 0.7)
        others = 0.7 * rng.dirichlet(np.ones(3), 300)
        assert found.min() >= 0
        assert found.sum() == pytest.approx(0.7)
        assert np.linalg.norm(found - x) <= np.linalg.norm(others - x, axis=1).min() + 1e-9


@pytest.mark.parametrize("name", [*balances(2), "decaying"])
def test_a_restored_balance_goes_on_as_the_original(name):
    def fresh():
        return Decaying([1.0, 1.0], [0.9, 0.8]) if name == "decaying" else balances(2)[name]

    def told(balance, times):
        found = []
        for n in range(times):
            found.append(balance.weights(measured([0.9, 0.3], [1.0, 0.5 + n], [0.2, 1.0])))
            balance.end_epoch(np.array([0.5, 0.4 / (n + 1)]), np.array([0.6, 0.7]))
        return found

    first, second = fresh(), fresh()
    told(first, 3)
    second.restore(first.state())
    assert_allclose(told(first, 3), told(second, 3))


def test_uncertainty_is_least_where_the_weights_are_the_inverse_of_the_losses():
    layer = Uncertainty([Task("click"), Task("stars", "regression")])
    losses = np.array([0.4, 3.0], np.float32)
    assert float(layer(losses)) == pytest.approx(0.4 + 1.5)
    layer.s.assign([0.3, -0.2])
    slow = np.exp(-0.3) * 0.4 + 0.15 + 0.5 * np.exp(0.2) * 3.0 - 0.1
    assert float(layer(losses)) == pytest.approx(slow, rel=1e-5)
    # d/ds = 0: exp(-s) = 1 / (2 L) for a binary task, 1 / L for a number.
    layer.s.assign(np.log([2 * 0.4, 3.0]))
    best = float(layer(losses))
    for step in ([0.1, 0], [-0.1, 0], [0, 0.1], [0, -0.1]):
        layer.s.assign(np.log([2 * 0.4, 3.0]) + step)
        assert float(layer(losses)) > best
