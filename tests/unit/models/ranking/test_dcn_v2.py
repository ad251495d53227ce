import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from millstream.errors import ConfigurationError
from models.fields import Field
from models.ranking.dcn_v2 import dcn_v2

FIELDS = [
    Field("user_id", width=4, rows=9),
    Field("item_id", width=2, rows=9),
    Field("age", "float"),
]
ROWS = {
    "user_id": np.array([1, 2, 0]),
    "item_id": np.array([3, 4, 5]),
    "age": np.array([0.5, -1.0, 2.0], np.float32),
}


def built(**options):
    keras.utils.set_random_seed(0)
    model = dcn_v2(FIELDS, hidden=(5, 3), **options)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return model, {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def mixture(w, name, x):
    """sum_k G_k(x) (U_k g(C_k g(V_k^T x)) + b), g = tanh: an expert at a time for one row."""
    gates = softmax(x @ w[f"{name}/gate/kernel"])
    total = np.zeros_like(x)
    for k, gate in enumerate(gates):
        low = np.tanh(x @ w[f"{name}/down"][k])
        low = np.tanh(low @ w[f"{name}/middle"][k])
        total += gate * (low @ w[f"{name}/up"][k] + w[f"{name}/bias"])
    return total


def slow(w, *, crosses=2, structure="parallel"):
    """The paper's equations on NumPy arrays."""
    user, item = (w[f"embedding.{f}/embeddings"][ROWS[f]] for f in ("user_id", "item_id"))
    user[ROWS["user_id"] == 0] = 0.0
    x0 = np.hstack([user, item, ROWS["age"][:, None]])
    x = x0
    for i in range(crosses):
        if f"cross_{i}/gate/kernel" in w:
            x = x0 * np.array([mixture(w, f"cross_{i}", row) for row in x]) + x
            continue
        W = w[f"cross_{i}/kernel/kernel"]
        if f"cross_{i}/down/kernel" in w:
            W = w[f"cross_{i}/down/kernel"] @ W
        x = x0 * (x @ W + w[f"cross_{i}/kernel/bias"]) + x
    deep = x if structure == "stacked" else x0
    for i in range(2):
        deep = np.maximum(deep @ w[f"deep_{i}/kernel"] + w[f"deep_{i}/bias"], 0.0)
    last = deep if structure == "stacked" else np.hstack([x, deep])
    return last @ w["logit/kernel"] + w["logit/bias"]


@pytest.mark.parametrize("structure", ["parallel", "stacked"])
@pytest.mark.parametrize("crosses", [0, 1, 3])
def test_it_is_the_papers_equations(structure, crosses):
    model, w = built(structure=structure, crosses=crosses)
    expected = slow(w, structure=structure, crosses=crosses)
    assert_allclose(model(ROWS), expected, rtol=1e-4, atol=1e-5)


def test_low_rank_is_the_same_with_a_product():
    model, w = built(rank=2)
    assert w["cross_0/down/kernel"].shape == (7, 2)
    assert_allclose(model(ROWS), slow(w), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("structure", ["parallel", "stacked"])
def test_experts_are_mixed_by_their_gates(structure):
    model, w = built(rank=2, experts=3, structure=structure)
    assert w["cross_0/gate/kernel"].shape == (7, 3)
    assert_allclose(model(ROWS), slow(w, structure=structure), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("experts", [None, 1])
def test_one_expert_needs_no_gates(experts):
    _, w = built(experts=experts)
    assert not any("gate" in path for path in w)


def test_experts_without_a_rank_are_refused():
    with pytest.raises(ConfigurationError, match="`rank` must be given with 4 experts"):
        dcn_v2(FIELDS, experts=4)


def test_a_number_of_experts_below_one_is_refused():
    with pytest.raises(ConfigurationError, match="`experts` must be None or above 0. Received: 0"):
        dcn_v2(FIELDS, rank=2, experts=0)


def test_a_structure_that_is_unknown_is_refused():
    with pytest.raises(ConfigurationError, match="`structure` must be 'parallel' or 'stacked'"):
        dcn_v2(FIELDS, structure="serial")  # type: ignore[arg-type]
