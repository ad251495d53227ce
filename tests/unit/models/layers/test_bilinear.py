import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.layers.bilinear import BilinearInteraction

RNG = np.random.default_rng(0)
E = RNG.normal(size=(3, 4, 2)).astype(np.float32)
MATRICES = {"all": 1, "each": 3, "interaction": 6}


def slow(kernel, e, kind):
    """(e_i W) * e_j, a pair at a time."""
    rows = []
    for row in e:
        pairs = []
        for i in range(4):
            for j in range(i + 1, 4):
                place = {"all": 0, "each": i, "interaction": len(pairs)}[kind]
                left = [sum(row[i][a] * kernel[place][a][b] for a in range(2)) for b in range(2)]
                pairs.append([left[b] * row[j][b] for b in range(2)])
        rows.append(pairs)
    return np.array(rows)


@pytest.mark.parametrize("kind", MATRICES)
def test_it_is_the_equation(kind):
    layer = BilinearInteraction(kind)
    layer(E)
    layer.kernel.assign(RNG.normal(size=layer.kernel.shape))
    assert layer.kernel.shape == (MATRICES[kind], 2, 2)
    expected = slow(keras.ops.convert_to_numpy(layer.kernel), E, kind)
    assert_allclose(layer(E), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", MATRICES)
def test_inner_gives_the_sum_of_each_product(kind):
    layer = BilinearInteraction(kind, inner=True)
    layer(E)
    expected = slow(keras.ops.convert_to_numpy(layer.kernel), E, kind).sum(axis=-1)
    assert_allclose(layer(E), expected, rtol=1e-4, atol=1e-5)


def test_a_single_field_has_no_pairs():
    with pytest.raises(ConfigurationError, match="at least two"):
        BilinearInteraction()(E[:, :1])


def test_a_kind_that_is_unknown_is_refused():
    with pytest.raises(ConfigurationError, match="`kind` must be one of"):
        BilinearInteraction("some")  # type: ignore[arg-type]


def test_its_config_makes_it_again():
    config = BilinearInteraction("each", inner=True, name="b").get_config()
    again = BilinearInteraction.from_config(config)
    assert (again.kind, again.inner, again.name) == ("each", True, "b")
