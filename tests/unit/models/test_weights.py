import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.dcn_v2 import dcn_v2
from models.weights import assign_weights, weight_arrays

FIELDS = (Field("user_id", width=4, rows=5), Field("item_id", width=4, rows=5))
ROWS = {"user_id": np.array([1, 2]), "item_id": np.array([3, 4])}


def scores_of(model):
    return keras.ops.convert_to_numpy(model(ROWS, training=False))


def test_weights_go_to_another_build_of_the_network():
    first = dcn_v2(FIELDS, hidden=(4,), dropout=0.5)
    second = dcn_v2(FIELDS, hidden=(4,), dropout=0.5)
    assert not np.array_equal(scores_of(first), scores_of(second))
    assign_weights(second, weight_arrays(first))
    assert_array_equal(scores_of(first), scores_of(second))


def test_arrays_are_copies_with_the_names_of_their_weights():
    model = dcn_v2(FIELDS, hidden=())
    arrays = weight_arrays(model)
    before = {name: array.copy() for name, array in arrays.items()}
    model.get_layer("logit").kernel.assign(np.zeros((16, 1)))
    assert "0000:embedding.user_id/embeddings" in arrays
    for name, array in arrays.items():
        assert_array_equal(array, before[name])


def test_another_number_of_weights_is_refused():
    arrays = weight_arrays(dcn_v2(FIELDS, hidden=()))
    arrays.popitem()
    with pytest.raises(
        ConfigurationError, match="must hold the 8 weights of 'dcn_v2'. Received: 7"
    ):
        assign_weights(dcn_v2(FIELDS, hidden=()), arrays)


def test_a_weight_of_another_shape_is_refused():
    arrays = weight_arrays(dcn_v2(FIELDS, hidden=(4,)))
    with pytest.raises(
        ConfigurationError, match=r"'0006:deep_0/kernel' of 'dcn_v2' must have shape"
    ):
        assign_weights(dcn_v2(FIELDS, hidden=(5,)), arrays)
