import re

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.fm import fm
from models.ranking.fnn import copy_fm, fnn
from tests.support.small_network import FIELDS, ROWS, field_vectors, randomised


def slow_z(w):
    """(w_0, w_1, v_1, ..., w_n, v_n) of each row; w_i and v_i come with x_i multiplied in."""
    z = [np.full((2, 1), w["bias/bias"][0])]
    for w_i, v_i in zip(field_vectors(w, "linear", "linear"), field_vectors(w), strict=True):
        z += [w_i, v_i]
    return np.hstack(z)


def test_it_is_the_papers_equations():
    model = fnn(FIELDS, hidden=(5, 3))
    w = randomised(model)
    x = slow_z(w)
    for i in range(2):
        x = np.tanh(x @ w[f"deep_{i}/kernel"] + w[f"deep_{i}/bias"])
    assert_allclose(model(ROWS), x @ w["logit/kernel"] + w["logit/bias"], rtol=1e-4, atol=1e-5)


def test_after_copying_the_mlp_reads_what_the_machine_has_learnt():
    machine, network = fm(FIELDS), fnn(FIELDS, hidden=(5,))
    learnt = randomised(machine)
    mlp = {v.path: keras.ops.convert_to_numpy(v) for v in network.weights[-4:]}
    copy_fm(machine, network)
    z = keras.Model(network.input, network.get_layer("z").output)
    assert_allclose(z(ROWS), slow_z(learnt), rtol=1e-5)
    assert network.get_layer("deep_0").input is network.get_layer("z").output
    for weight in network.weights[-4:]:
        assert_array_equal(weight, mlp[weight.path])


def test_after_copying_z_is_learnt_further():
    machine, network = fm(FIELDS), fnn(FIELDS, hidden=(5,))
    learnt = randomised(machine)
    copy_fm(machine, network)
    network.compile(keras.optimizers.SGD(0.5), keras.losses.BinaryCrossentropy(from_logits=True))
    network.train_on_batch(ROWS, np.array([0.0, 1.0]))
    assert set(learnt) < {v.path for v in network.trainable_weights}
    for weight in network.weights:
        if weight.path in learnt:
            assert not np.array_equal(weight, learnt[weight.path]), weight.path
    assert_array_equal(machine.get_layer("bias").bias, learnt["bias/bias"])


@pytest.mark.parametrize(
    ("fields", "shape"), [(FIELDS[:4], "None"), ((*FIELDS[:4], Field("shape", "float")), "(1, 1)")]
)
def test_a_machine_of_other_fields_is_refused(fields, shape):
    expected = f"Weight 'linear.shape/kernel' of 'fm' must have shape (2, 1). Received: {shape}."
    with pytest.raises(ConfigurationError, match=re.escape(expected)):
        copy_fm(fm(fields), fnn(FIELDS))
