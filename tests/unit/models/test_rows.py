import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from millstream.errors import ConfigurationError
from models.rows import RowInit

KEYS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=20)


@given(KEYS, st.sampled_from(["uniform", "normal"]))
def test_a_row_depends_on_its_id_alone(ids, kind):
    init, ids = RowInit(kind, 0.1), np.array(ids)
    together = init.rows(ids, 4, "item_id")
    alone = [init.rows(ids[i : i + 1], 4, "item_id") for i in range(len(ids))]
    assert_array_equal(together, np.concatenate(alone))


def test_rows_stay_the_same_from_version_to_version():
    # A snapshot does not hold rows that were never trained: they are drawn again where it is read.
    uniform = RowInit("uniform", 1.0).rows(np.array([1, 2**62 + 5]), 2, "item_id")
    normal = RowInit("normal", 1.0).rows(np.array([1]), 2, "item_id")
    assert_allclose(uniform, [[-0.6256163, -0.3754622], [0.6674454, 0.1221037]], atol=1e-6)
    assert_allclose(normal, [[-0.6365482, 0.7436057]], atol=1e-6)


@given(KEYS)
def test_a_wider_row_begins_with_the_narrow_one(ids):
    init, ids = RowInit("uniform", 0.1), np.array(ids)
    assert_array_equal(init.rows(ids, 8, "t")[:, :3], init.rows(ids, 3, "t"))


def test_padding_is_zero_and_ids_and_tables_differ():
    init = RowInit("uniform", 0.1)
    rows = init.rows(np.array([0, 1, 2]), 8, "a")
    assert_array_equal(rows[0], np.zeros(8))
    assert not np.intersect1d(rows[1], rows[2]).size
    assert not np.intersect1d(rows[1:], init.rows(np.array([1, 2]), 8, "b")).size


@pytest.mark.parametrize(("kind", "deviation"), [("uniform", 0.2 / 3**0.5), ("normal", 0.2)])
def test_values_have_the_moments_of_their_distribution(kind, deviation):
    values = RowInit(kind, 0.2).rows(np.arange(1, 50_001), 8, "t")
    assert abs(values.mean()) < 0.002
    assert values.std() == pytest.approx(deviation, rel=0.01)
    assert np.abs(np.corrcoef(values.T) - np.eye(8)).max() < 0.03
    neighbours = np.corrcoef(values[:-1, 0], values[1:, 0])[0, 1]
    assert abs(neighbours) < 0.02


def test_uniform_values_stay_in_range_and_zeros_are_zeros():
    values = RowInit("uniform", 0.2).rows(np.arange(1, 10_001), 4, "t")
    assert np.abs(values).max() <= 0.2
    assert_array_equal(RowInit("zeros").rows(np.array([1, 2]), 3, "t"), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("kind", "scale", "message"),
    [
        ("cauchy", 0.1, "`kind` must be 'uniform', 'normal' or 'zeros'. Received: 'cauchy'."),
        ("normal", 0.0, "`scale` must be above 0. Received: 0.0."),
        ("uniform", float("nan"), "`scale` must be above 0. Received: nan."),
    ],
)
def test_a_distribution_that_cannot_be_drawn_is_refused(kind, scale, message):
    with pytest.raises(ConfigurationError, match=message):
        RowInit(kind, scale)
