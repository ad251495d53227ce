import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.ranking.contextnet import contextnet
from tests.support.networks import FIELDS, ROWS, vectors, with_random_weights


def refined(w, name, v, h, kind):
    """One block on one row: v is what the embedding layer gave, h what the block before gave."""
    gathered = np.maximum(v @ w[f"{name}/aggregate/kernel"], 0.0)
    out = []
    for i in range(5):
        context = gathered @ w[f"{name}/project/kernel"][:, 4 * i : 4 * i + 4]
        m = h[i] * context
        x = m @ w[f"{name}/inner/kernel"]
        if kind == "pffn":
            x = np.maximum(x, 0.0) @ w[f"{name}/outer/kernel"] + m
        x = (x - x.mean()) / np.sqrt(x.var() + 1e-6)
        out.append(x * w[f"{name}/normalise/gamma"] + w[f"{name}/normalise/beta"])
    return np.array(out)


def slow(w, kind, blocks):
    logits = []
    for e in np.stack(vectors(w), axis=1):
        h = e
        for i in range(blocks):
            h = refined(w, f"block_{i}", e.ravel(), h, kind)
        logits.append(h.ravel() @ w["logit/kernel"] + w["logit/bias"])
    return np.array(logits)


@pytest.mark.parametrize("kind", ["pffn", "sffn"])
@pytest.mark.parametrize("blocks", [1, 3])
def test_it_is_the_papers_equations(kind, blocks):
    model = contextnet(FIELDS, block=kind, blocks=blocks)
    w = with_random_weights(model)
    assert_allclose(model(ROWS), slow(w, kind, blocks), rtol=1e-4, atol=1e-5)


def test_three_blocks_are_not_one():
    keras.utils.set_random_seed(0)
    one, three = (contextnet(FIELDS, blocks=n) for n in (1, 3))
    assert not np.allclose(one(ROWS), three(ROWS))


def test_a_block_that_is_unknown_is_refused():
    with pytest.raises(ConfigurationError, match="must be 'pffn' or 'sffn'"):
        contextnet(FIELDS, block="ffn")  # type: ignore[arg-type]


def test_no_blocks_are_refused():
    with pytest.raises(ConfigurationError, match="`blocks` must be at least 1"):
        contextnet(FIELDS, blocks=0)
