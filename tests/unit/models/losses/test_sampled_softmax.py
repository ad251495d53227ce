import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from models.losses.sampled_softmax import mixture_log_q, sampled_softmax

RNG = np.random.default_rng(0)


def unit(*shape):
    x = RNG.normal(size=shape).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def slow(queries, candidates, ids, log_q, temperature, weights):
    """Eq. 3, one query and one candidate at a time."""
    losses = []
    for i, query in enumerate(queries):
        own = query @ candidates[i] / temperature - log_q[i]
        total, met = np.exp(own), {ids[i]}
        for j, candidate in enumerate(candidates):
            if ids[j] not in met:
                total += np.exp(query @ candidate / temperature - log_q[j])
                met.add(ids[j])
        losses.append(np.log(total) - own)
    return np.average(losses, weights=weights)


@pytest.mark.parametrize("extra", [0, 3])
@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 2.0, 0.5]])
def test_it_is_the_papers_equation_over_the_set_of_candidates(extra, weights):
    queries, candidates = unit(4, 5), unit(4 + extra, 5)
    ids = np.array([7, 8, 7, 9, 8, 2**62, 2**62])[: 4 + extra]
    candidates = candidates[[np.flatnonzero(ids == i)[0] for i in ids]]  # an id has one vector
    log_q = np.log(RNG.uniform(0.05, 0.9, 4 + extra)).astype(np.float32)
    given = None if weights is None else np.array(weights, np.float32)
    loss = sampled_softmax(queries, candidates, ids, log_q, temperature=0.3, weights=given)
    expected = slow(queries, candidates, ids, log_q, 0.3, weights)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_accidental_hits_and_repeats_change_nothing():
    queries, candidates = unit(2, 4), unit(3, 4)
    ids, log_q = np.array([1, 2, 3]), np.full(3, -1.0, np.float32)
    once = sampled_softmax(queries, candidates, ids, log_q)
    again = np.array([0, 1, 2, 0, 2, 2])
    repeated = sampled_softmax(queries, candidates[again], ids[again], log_q[again])
    assert float(once) == pytest.approx(float(repeated), rel=1e-6)


def test_without_any_weight_the_loss_is_zero():
    loss = sampled_softmax(
        unit(2, 4), unit(2, 4), np.array([1, 2]), np.zeros(2, np.float32), weights=np.zeros(2)
    )
    assert float(loss) == 0.0


@tf.function
def gradient(scores, candidates, ids, log_q):
    # With one-hot candidates a query is its own scores, and its gradient that of the scores.
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = sampled_softmax(scores, candidates, ids, log_q, temperature=1.0)
    return tape.gradient(loss, scores)[0]


def expected_gradient(scores, target, draw, log_q, repeats=400):
    items = len(scores)
    total = np.zeros(items)
    for _ in range(repeats):
        ids = np.r_[target, draw()]
        total += gradient(
            tf.constant(scores[None]), tf.one_hot(ids, items), tf.constant(ids),
            tf.constant(log_q[ids]),
        ).numpy()  # fmt: skip
    return total / repeats


@pytest.mark.parametrize("uniform_draws", [0, 40])
def test_the_gradient_is_that_of_the_full_softmax_in_expectation(uniform_draws):
    items, draws, target = 40, 120, 5
    rng = np.random.default_rng(1)
    scores = rng.normal(size=items).astype(np.float32)
    popularity = 1.0 / np.arange(1, items + 1)
    popularity /= popularity.sum()

    def draw():
        uniform = rng.integers(0, items, uniform_draws)
        return np.r_[rng.choice(items, draws, p=popularity), uniform]

    in_batch = 1.0 - (1.0 - popularity) ** draws
    log_q = mixture_log_q(in_batch, uniform_draws=uniform_draws, items=items)
    full = np.exp(scores) / np.exp(scores).sum() - np.eye(items)[target]
    corrected = expected_gradient(scores, target, draw, log_q)
    uncorrected = expected_gradient(scores, target, draw, np.zeros_like(log_q))
    error, without = np.abs(corrected - full).sum(), np.abs(uncorrected - full).sum()
    assert error < 0.05
    assert error < 0.4 * without


def test_the_gradient_is_exactly_the_full_one_when_every_item_is_there():
    scores = RNG.normal(size=10).astype(np.float32)
    ids = np.r_[3, np.delete(np.arange(10), 3)]
    full = np.exp(scores) / np.exp(scores).sum() - np.eye(10)[3]
    exact = gradient(tf.constant(scores[None]), tf.one_hot(ids, 10), tf.constant(ids), tf.zeros(10))
    assert_allclose(exact, full, atol=1e-6)


def test_the_mixture_is_how_often_an_item_is_in_either_part():
    rng = np.random.default_rng(2)
    in_batch = np.array([0.9, 0.3, 0.01, 0.0])
    found = np.zeros(4)
    for _ in range(20_000):
        drawn = np.isin(np.arange(4), rng.integers(0, 4, 3))
        found += (rng.random(4) < in_batch) | drawn
    q = np.exp(mixture_log_q(in_batch, uniform_draws=3, items=4))
    assert_allclose(q, found / 20_000, atol=0.015)


def test_an_item_that_cannot_be_drawn_has_a_finite_log_q():
    assert np.isfinite(mixture_log_q(np.array([0.0]), uniform_draws=0, items=1)).all()


@pytest.mark.parametrize(
    "given", [{"items": 0, "uniform_draws": 1}, {"items": 5, "uniform_draws": -1}]
)
def test_numbers_that_cannot_be_are_refused(given):
    with pytest.raises(ValueError, match="`items` must be at least 1 and `uniform_draws`"):
        mixture_log_q(np.array([0.5]), **given)


def test_it_runs_compiled_with_a_batch_of_any_size():
    compiled = tf.function(
        sampled_softmax,
        input_signature=[
            tf.TensorSpec((None, 4)), tf.TensorSpec((None, 4)),
            tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None,)),
        ],
    )  # fmt: skip
    for batch, extra in ((2, 0), (5, 3)):
        given = (
            unit(batch, 4), unit(batch + extra, 4),
            np.arange(batch + extra), np.zeros(batch + extra, np.float32),
        )  # fmt: skip
        loss = keras.ops.convert_to_numpy(compiled(*map(tf.convert_to_tensor, given)))
        assert_allclose(loss, sampled_softmax(*given), rtol=1e-5)


@pytest.mark.parametrize("hard", [1, 2, 9])
def test_hard_negatives_are_those_with_the_greatest_corrected_logits(hard):
    queries, candidates = unit(3, 5), unit(6, 5)
    ids = np.array([7, 8, 9, 8, 4, 5])
    candidates[3] = candidates[1]
    log_q = np.log(RNG.uniform(0.05, 0.9, 6)).astype(np.float32)
    log_q[3] = log_q[1]
    found = sampled_softmax(queries, candidates, ids, log_q, temperature=0.3, hard_negatives=hard)
    losses = []
    for i in range(3):
        logits = candidates @ queries[i] / 0.3 - log_q
        others = {ids[j]: logits[j] for j in range(6) if ids[j] != ids[i]}
        hardest = sorted(others.values())[-hard:]
        losses.append(np.log(np.exp([logits[i], *hardest]).sum()) - logits[i])
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-4)
