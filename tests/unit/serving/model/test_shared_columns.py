"""A matrix in parts is the matrix: products, cross layers and concatenations come out the same."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from serving.model.shared_columns import SharedColumns, concatenate, crossed, linear, whole

ITEMS, WIDTH = 5, 7


def drawn(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def x0(rng):
    """Four shared columns and three own ones, between one another."""
    return concatenate([drawn(rng, rows, width) for rows, width in ((1, 2), (ITEMS, 3), (1, 2))])


def crossed_twice(rng, x0):
    kernel, bias = drawn(rng, WIDTH, WIDTH), drawn(rng, WIDTH)
    once = crossed(x0, x0, x0, kernel, bias)
    return crossed(x0, once, once, drawn(rng, WIDTH, WIDTH), bias)


def test_what_is_joined_stays_in_parts_through_cross_layers(rng, x0):
    x = crossed_twice(rng, x0)
    assert isinstance(x0, SharedColumns)
    assert isinstance(x, SharedColumns)
    assert (x0.own.shape, x.own.shape) == ((ITEMS, 3), (ITEMS, 3))
    assert sum(a.shape[1] for a, _ in x.terms) == 6  # once for each layer, and not doubled


def test_a_cross_layer_of_parts_is_that_of_the_matrices(rng, x0):
    kernel, bias, given = drawn(rng, WIDTH, WIDTH), drawn(rng, WIDTH), whole(x0)
    expected = given * (given @ kernel + bias) + given
    for _ in range(2):
        found = crossed(x0, x0, x0, kernel, bias)
        assert_allclose(whole(found), expected, rtol=1e-4, atol=1e-5)
    again = given * (expected @ kernel + bias) + expected
    assert_allclose(whole(crossed(x0, found, found, kernel, bias)), again, rtol=1e-4, atol=1e-4)


def test_a_cross_layer_may_take_a_projection(rng, x0):
    down, up, bias = drawn(rng, WIDTH, 2), drawn(rng, 2, WIDTH), drawn(rng, WIDTH)
    found = crossed(x0, x0, linear(x0, down), up, bias)
    expected = whole(x0) * (whole(x0) @ down @ up + bias) + whole(x0)
    assert_allclose(whole(found), expected, rtol=1e-4, atol=1e-5)


def test_a_cross_of_what_does_not_fit_together_is_that_of_the_matrices(rng, x0):
    kernel, bias, other = drawn(rng, WIDTH, WIDTH), drawn(rng, WIDTH), drawn(rng, ITEMS, WIDTH)
    for one, two in ((x0, other), (other, x0), (crossed_twice(rng, x0), x0)):
        expected = whole(one) * (whole(two) @ kernel + bias) + whole(two)
        assert_allclose(whole(crossed(one, two, two, kernel, bias)), expected, rtol=1e-3, atol=1e-3)


def test_a_product_with_parts_is_that_with_the_matrix(rng, x0):
    kernel, bias = drawn(rng, WIDTH, 4), drawn(rng, 4)
    for x in (x0, crossed_twice(rng, x0), whole(x0)):
        assert_allclose(linear(x, kernel, bias), whole(x) @ kernel + bias, rtol=1e-3, atol=1e-3)
        assert_allclose(linear(x, kernel), whole(x) @ kernel, rtol=1e-3, atol=1e-3)


def test_a_product_leaves_what_it_is_given_as_it_was(rng, x0):
    x = crossed_twice(rng, x0)
    before, kernel = whole(x).copy(), drawn(rng, WIDTH, 4)
    linear(x, kernel)
    crossed(x0, x, x, drawn(rng, WIDTH, WIDTH), drawn(rng, WIDTH))
    assert_allclose(whole(x), before)


def test_parts_join_others(rng, x0):
    x, more, row = crossed_twice(rng, x0), drawn(rng, ITEMS, 2), drawn(rng, 1, 3)
    found = concatenate([more, x, row, x0])
    expected = [more, whole(x), np.repeat(row, ITEMS, 0), whole(x0)]
    assert_allclose(whole(found), np.concatenate(expected, 1), rtol=1e-6)


def test_lists_of_vectors_join_along_their_last_axis(rng):
    one, many = drawn(rng, 1, 2, 3), drawn(rng, ITEMS, 2, 4)
    found = concatenate([one, many])
    assert_allclose(whole(found), np.concatenate([np.repeat(one, ITEMS, 0), many], -1))
