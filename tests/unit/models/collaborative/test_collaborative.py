"""Models of a matrix: against their equations, and that each finds what is planted."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from models.catalogue import CATALOGUE, find
from models.collaborative.als import ImplicitAls
from models.collaborative.bpr import Bpr
from models.collaborative.ease import ease_weights
from models.collaborative.huffman import paths
from models.collaborative.item2vec import Item2Vec, gradients
from models.collaborative.neighbours import nearest

TASTES, USERS, ITEMS = 3, 60, 30
OWN = np.arange(USERS)[:, None] % TASTES == np.arange(ITEMS) % TASTES


def planted() -> sparse.csr_matrix:
    """Users met half of the items of their taste, and a few of the others."""
    drawn = np.random.default_rng(0).random((USERS, ITEMS))
    return sparse.csr_matrix(np.where(OWN, drawn < 0.5, drawn < 0.04).astype(float))


@pytest.mark.parametrize("name", [entry.name for entry in CATALOGUE if entry.task == "matrix"])
def test_each_finds_the_items_of_a_users_taste(name):
    matrix, entry = planted(), find(name)
    options: dict[str, float | None] = {
        "width": 8,
        "rate": None,
        "epochs": 15,
        "batch": 64,
        "neighbours": 20,
    }
    if name == "bpr":
        options |= {"epochs": 40, "learning_rate": 0.1, "regularisation": 0.05}
    known = {n: value for n, value in options.items() if n in entry.defaults()}
    model = entry.load()(**{**entry.options, **known})
    model.fit(matrix)
    for users in (np.arange(USERS), np.full(USERS, -1)):  # those that were learnt, and others
        scores = np.where(matrix.toarray() > 0, -np.inf, model.scores(users, matrix))
        best = np.argsort(-scores, axis=1)[:, :3]
        assert np.take_along_axis(OWN, best, axis=1).mean() > 0.9
    if isinstance(model, Item2Vec):
        near = [model.similar(item, 4) % TASTES == item % TASTES for item in range(ITEMS)]
        assert np.mean(near) > 0.9


def test_ease_is_the_best_linear_model_without_a_diagonal():
    rng, strength = np.random.default_rng(1), 3.0
    x = (rng.random((20, 5)) < 0.4).astype(float)
    found = ease_weights(sparse.csr_matrix(x), strength)
    assert_allclose(np.diag(found), 0.0)
    for item in range(5):  # ridge regression of a column on the others
        others = np.delete(np.arange(5), item)
        left = x[:, others].T @ x[:, others] + strength * np.eye(4)
        expected = np.linalg.solve(left, x[:, others].T @ x[:, item])
        assert_allclose(found[others, item], expected, atol=1e-9)


def test_neighbours_are_by_cosine():
    x = (np.random.default_rng(2).random((6, 9)) < 0.5).astype(float)
    found = nearest(sparse.csr_matrix(x), 2, block=4).toarray()
    for i in range(6):
        cosines = [
            0.0 if i == j else x[i] @ x[j] / np.sqrt(x[i].sum() * x[j].sum()) for j in range(6)
        ]
        least = sorted(cosines)[-2]
        assert_allclose(found[i], [c if c >= least else 0.0 for c in cosines])


def test_a_side_of_als_is_where_the_slope_of_its_loss_is_zero():
    matrix = sparse.csr_matrix(np.random.default_rng(3).poisson(0.4, (7, 5)).astype(float))
    model = ImplicitAls(width=3, rounds=2, confidence=4.0, regularisation=0.7)
    model.fit(matrix)
    least, step = model.loss(matrix), 1e-4
    for place in np.ndindex(model.users.shape):
        for sign in (-step, step):
            model.users[place] += sign
            assert model.loss(matrix) >= least
            model.users[place] -= sign


def test_the_slopes_of_bpr_are_those_of_its_loss():
    model = Bpr(width=3, regularisation=0.05)
    rng = np.random.default_rng(4)
    model.users, model.items = rng.normal(size=(2, 3)), rng.normal(size=(3, 3))
    model.bias = rng.normal(size=3)
    u, i, j = np.array([1]), np.array([0]), np.array([2])

    def loss():
        margin = model.users[1] @ (model.items[0] - model.items[2]) + model.bias[0] - model.bias[2]
        own = (model.users[1], model.items[0], model.items[2], model.bias[[0, 2]])
        penalty = sum(np.square(each).sum() for each in own)
        return -np.log(1.0 / (1.0 + np.exp(-margin))) + model.regularisation * penalty

    tables = (model.users, model.items, model.items, model.bias, model.bias)
    for table, row, slope in zip(tables, (1, 0, 2, 0, 2), model.gradients(u, i, j), strict=True):
        assert_allclose(np.ravel(slope), numeric(loss, table, row), atol=1e-6)


def numeric(loss, table, row):
    """The slopes of `loss` by each value of a row of `table`."""
    flat, found = table.reshape(len(table), -1)[row], []
    for place in range(len(flat)):
        ends = []
        for step in (1e-6, -1e-6):
            flat[place] += step
            ends.append(loss())
            flat[place] -= step
        found.append((ends[0] - ends[1]) / 2e-6)
    return found


def test_the_slopes_of_skip_gram_are_those_of_its_loss():
    rng = np.random.default_rng(5)
    u, v = rng.normal(size=(1, 3)), rng.normal(size=(1, 4, 3))
    labels, weights = np.array([[1.0, 0.0, 0.0, 1.0]]), np.array([[1.0, 1.0, 0.0, 1.0]])

    def loss():
        products = (v[0] @ u[0]) * (2.0 * labels[0] - 1.0)
        return -np.sum(weights[0] * np.log(1.0 / (1.0 + np.exp(-products))))

    by_u, by_v = gradients(u, v, labels, weights)
    assert_allclose(by_u[0], numeric(loss, u, 0), atol=1e-6)
    for n in range(4):
        assert_allclose(by_v[0, n], numeric(loss, v[0], n), atol=1e-6)


def test_the_slopes_of_shared_draws_are_those_of_their_loss():
    """Item 4 is drawn, and a context of the second pair: there it does not count."""
    rng = np.random.default_rng(6)
    model = Item2Vec(width=3, negatives=5)
    model.vectors, outputs = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    centres, contexts, others = np.array([0, 2]), np.array([1, 4]), np.array([4, 5, 3])

    def loss():
        total = 0.0
        for i, j in zip(centres, contexts, strict=True):
            total += np.log1p(np.exp(-model.vectors[i] @ outputs[j]))
            drawn = [n for n in others if n != j]
            total += sum(np.log1p(np.exp(model.vectors[i] @ outputs[n])) * 5 / 3 for n in drawn)
        return total

    by_u, by_v = model._drawn(centres, contexts, others, outputs)
    for place, i in enumerate(centres):
        assert_allclose(by_u[place], numeric(loss, model.vectors, i), atol=1e-6)
    summed = np.zeros_like(outputs)
    np.add.at(summed, np.concatenate([contexts, others]), by_v)
    for n in range(6):
        assert_allclose(summed[n], numeric(loss, outputs, n), atol=1e-6)


def test_a_huffman_tree_gives_chances_that_add_up_and_the_shortest_ways():
    counts = np.array([40.0, 1.0, 5.0, 9.0, 2.0])
    nodes, left, steps = paths(counts)
    chance_left = np.random.default_rng(6).random(4)
    chances = np.where(left > 0, chance_left[nodes], 1.0 - chance_left[nodes])
    assert np.prod(np.where(steps > 0, chances, 1.0), axis=1).sum() == pytest.approx(1.0)
    assert steps.sum(axis=1).tolist() == [1.0, 4.0, 3.0, 2.0, 4.0]


def test_frequent_items_are_left_out_and_pairs_are_of_one_basket():
    matrix = sparse.csr_matrix(np.c_[np.ones(400), np.eye(400)[:, :8], np.eye(400)[:, :8]])
    model = Item2Vec(rate=None, pairs=2)
    counts = np.bincount(matrix.indices, minlength=17).astype(float)
    centres, contexts = model._pairs(matrix, counts, np.random.default_rng(0))
    assert (centres != contexts).all()
    assert len(centres) == 8 * 3 * 2  # baskets of three; of one item there are no pairs
    thin = Item2Vec(rate=counts[0] / counts.sum() / 4, pairs=2)
    kept = [thin._pairs(matrix, counts, np.random.default_rng(s))[0] for s in range(30)]
    shares = np.mean([np.isin(0, part) for part in kept])
    assert shares <= 1.0
    assert np.mean([(part == 0).sum() for part in kept]) == pytest.approx(8.0, rel=0.25)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="Received: 'full'"):
        Item2Vec(loss="full")  # type: ignore[arg-type]
