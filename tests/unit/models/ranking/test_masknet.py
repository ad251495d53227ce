import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.ranking.masknet import masknet
from tests.support.networks import FIELDS, ROWS, mlp, vectors, with_random_weights


def normalised(w, name, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    return x * w[f"{name}/gamma"] + w[f"{name}/beta"]


def block(w, name, v, x):
    wide = np.maximum(v @ w[f"{name}/aggregate/kernel"] + w[f"{name}/aggregate/bias"], 0.0)
    mask = wide @ w[f"{name}/project/kernel"] + w[f"{name}/project/bias"]
    return np.maximum(
        normalised(w, f"{name}/normalise", (mask * x) @ w[f"{name}/hidden/kernel"]), 0
    )


def slow(w, structure, blocks):
    """LN of each field on its own, then blocks; in parallel, an MLP of two layers."""
    v = np.hstack(vectors(w))
    x = np.hstack(
        [normalised(w, f"norm.{f.name}", e) for f, e in zip(FIELDS, vectors(w), strict=True)]
    )
    if structure == "serial":
        for i in range(blocks):
            x = block(w, f"block_{i}", v, x)
    else:
        x = mlp(w, np.hstack([block(w, f"block_{i}", v, x) for i in range(blocks)]), "deep")
    return x @ w["logit/kernel"] + w["logit/bias"]


@pytest.mark.parametrize("hidden", [(6,), (6, 5, 4)])
def test_in_series_each_block_reads_the_one_before_and_masks_come_from_the_instance(hidden):
    model = masknet(FIELDS, structure="serial", hidden=hidden)
    w = with_random_weights(model)
    assert w["block_0/aggregate/kernel"].shape == (20, 40)
    assert_allclose(model(ROWS), slow(w, "serial", len(hidden)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("blocks", [(6,), (6, 5, 4)])
def test_in_parallel_all_blocks_read_the_embeddings_and_an_mlp_reads_all_blocks(blocks):
    model = masknet(FIELDS, structure="parallel", blocks=blocks, hidden=(5, 3))
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, "parallel", len(blocks)), rtol=1e-4, atol=1e-5)


def test_blocks_in_series_are_not_one_block():
    keras.utils.set_random_seed(0)
    one, three = (masknet(FIELDS, structure="serial", hidden=(6,) * n) for n in (1, 3))
    assert not np.allclose(one(ROWS), three(ROWS))


def test_a_structure_that_is_unknown_is_refused():
    with pytest.raises(ConfigurationError, match="`structure` must be 'serial' or 'parallel'"):
        masknet(FIELDS, structure="stacked")  # type: ignore[arg-type]


def test_no_blocks_are_refused():
    with pytest.raises(ConfigurationError, match="`blocks` must have at least one width"):
        masknet(FIELDS, blocks=())
