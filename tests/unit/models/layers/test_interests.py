import itertools

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.interests import BehaviourToInterest, DynamicRouting, SelfAttentiveInterests
from models.retrieval.interests import aggregated, label_aware, nearest_interest

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 5, 4)).astype(np.float32)
IDS = np.array([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0], [0, 0, 0, 0, 0]])


def filled(layer):
    layer(X, IDS)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.6)
    return {v.path.partition("/")[2]: keras.ops.convert_to_numpy(v) for v in layer.weights}


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


def squash(x):
    n = np.linalg.norm(x)
    return x * n / (1.0 + n * n)


def test_behaviours_are_routed_to_as_many_interests_as_their_number_allows():
    layer = BehaviourToInterest(interests=3, iterations=3, positions=4)
    w = filled(layer)
    found = numbers(layer(X, IDS))
    for row, used in enumerate((2, 1, 1)):  # floor(log2 5), floor(log2 2), at least 1
        entries = np.flatnonzero(IDS[row])
        mapped = {i: X[row, i].astype(np.float64) @ w["bilinear"] for i in entries}
        b = {i: w["first"][min(i, 3), :used].astype(np.float64) for i in entries}
        u = np.zeros((used, 4))
        for _ in range(3):
            share = {i: softmax(b[i]) for i in entries}
            u = np.array([squash(sum((share[i][j] * mapped[i] for i in entries), np.zeros(4)))
                          for j in range(used)])  # fmt: skip
            b = {i: b[i] + np.array([u[j] @ mapped[i] for j in range(used)]) for i in entries}
        expected = [*u, *[u[0]] * (3 - used)]
        assert_allclose(found[row], expected, rtol=1e-3, atol=1e-5)


def test_dynamic_routing_has_a_map_for_each_position_and_interest():
    layer = DynamicRouting(interests=2, iterations=2, positions=3)
    w = filled(layer)
    found = numbers(layer(X, IDS))
    for row in range(3):
        entries = np.flatnonzero(IDS[row])
        mapped = {
            (i, j): X[row, i].astype(np.float64) @ w["maps"][min(i, 2), j]
            for i in entries for j in range(2)
        }  # fmt: skip
        b = {i: np.zeros(2) for i in entries}
        v = np.zeros((2, 4))
        for _ in range(2):
            share = {i: softmax(b[i]) for i in entries}
            v = np.array([squash(sum((share[i][j] * mapped[i, j] for i in entries), np.zeros(4)))
                          for j in range(2)])  # fmt: skip
            b = {i: b[i] + np.array([mapped[i, j] @ v[j] for j in range(2)]) for i in entries}
        assert_allclose(found[row], v, rtol=1e-3, atol=1e-5)


def test_self_attentive_interests_are_the_papers_equation():
    layer = SelfAttentiveInterests(interests=2, hidden=2, positions=4)
    w = filled(layer)
    found = numbers(layer(X, IDS))
    for row in range(2):
        entries = np.flatnonzero(IDS[row])
        placed = [X[row, i] + w["encoding"][min(i, 3)] for i in entries]
        scores = np.array([np.tanh(h @ w["inner"]) @ w["outer"] for h in placed])
        expected = [softmax(scores[:, j]) @ X[row, entries] for j in range(2)]
        assert_allclose(found[row], expected, rtol=1e-4, atol=1e-5)
    assert_array_equal(found[2], 0.0)


def test_the_interest_nearest_to_a_positive_answers_for_it():
    interests, positives = X[:, :3], X[:, 4]
    best = np.einsum("bkd,bd->bk", interests, positives).argmax(axis=1)
    assert_allclose(numbers(nearest_interest(interests, positives)), interests[np.arange(3), best])


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_label_aware_attention_mixes_the_interests_that_are_no_copies(power):
    interests = X[:, :3].copy()
    interests[0, 2] = interests[0, 0]
    mixed = numbers(label_aware(power)(interests, X[:, 4]))
    for row in range(3):
        own = interests[row, : 2 if row == 0 else 3].astype(np.float64)
        scores = own @ X[row, 4]
        weights = softmax(np.sign(scores) * np.abs(scores) ** power)
        assert_allclose(mixed[row], weights @ own, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("strength", [0.0, 0.3, 5.0])
def test_each_choice_of_the_aggregation_is_the_best_there_is(strength):
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    categories = np.array(["a", "a", "a", "b", "c"])

    def value(chosen):
        pairs = itertools.permutations(chosen, 2)
        differs = sum(categories[i] != categories[j] for i, j in pairs)
        return scores[list(chosen)].sum() + strength * differs

    found = aggregated(scores, categories, 4, strength).tolist()
    for size in range(4):
        begun, rest = found[:size], sorted(set(range(5)) - set(found[:size]))
        best = max(value([*begun, item]) for item in rest)
        assert value(found[: size + 1]) == pytest.approx(best)
    if strength == 0.0:
        assert found == [0, 1, 2, 3]
