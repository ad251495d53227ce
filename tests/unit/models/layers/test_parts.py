import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.inputs import FieldInputs
from models.layers.parts import FieldAware, GroupAware, part_products, parted_vectors
from tests.support.small_network import FIELDS, ROWS, field_vectors, randomised

RNG = np.random.default_rng(0)
GROUPS = [1, 0, 1, 2]
PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def vectors_of(parts):
    return RNG.normal(size=(4, 5, parts * 2)).astype(np.float32)


def part(vectors, i, g):
    """Part `g` of field `i`: its values stand together."""
    return vectors[i][:, 2 * g : 2 * g + 2]


def test_a_pair_multiplies_the_parts_that_its_fields_have_for_each_other():
    vectors = vectors_of(3)
    products = part_products(list(vectors), GROUPS)
    assert products.shape == (5, 6, 2)
    for p, (i, j) in enumerate(PAIRS):
        expected = part(vectors, i, GROUPS[j]) * part(vectors, j, GROUPS[i])
        assert_allclose(products[:, p], expected, rtol=1e-6)


def test_a_field_aware_machine_sums_them_over_pairs_and_components():
    vectors = vectors_of(4)
    expected = sum((part(vectors, i, j) * part(vectors, j, i)).sum(axis=1) for i, j in PAIRS)
    assert_allclose(FieldAware()(list(vectors))[:, 0], expected, rtol=1e-4, atol=1e-5)


def test_a_group_aware_machine_weighs_them_by_the_groups_in_either_order():
    vectors = vectors_of(3)
    layer = GroupAware(GROUPS)
    layer(list(vectors))
    assert_array_equal(layer.strength, np.ones(4))
    layer.strength.assign([10.0, 20.0, 30.0, 40.0])
    r = {(0, 1): 10.0, (0, 2): 20.0, (1, 1): 30.0, (1, 2): 40.0}
    expected = sum(
        part(vectors, i, GROUPS[j])
        * part(vectors, j, GROUPS[i])
        * r[min(GROUPS[i], GROUPS[j]), max(GROUPS[i], GROUPS[j])]
        for i, j in PAIRS
    )
    assert_allclose(layer(list(vectors)), expected, rtol=1e-4, atol=1e-4)


def test_its_config_makes_it_again():
    again = GroupAware.from_config(GroupAware(GROUPS, name="pairs").get_config())
    assert (again.groups, again.name) == ((1, 0, 1, 2), "pairs")


@pytest.mark.parametrize("parts", [1, 3])
def test_parted_vectors_are_rows_of_that_many_parts(parts):
    inputs = FieldInputs(FIELDS)
    model = keras.Model(inputs.tensors, parted_vectors(inputs, parts, width=2))
    w = randomised(model)
    for ours, expected in zip(model(ROWS), field_vectors(w), strict=True):
        assert ours.shape == (2, parts * 2)
        assert_allclose(ours, expected, rtol=1e-5)
