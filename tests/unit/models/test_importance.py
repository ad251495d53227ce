import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score

from millstream.errors import ConfigurationError
from models.fields import Field
from models.importance import (
    CrossImportance,
    cross_importance,
    draw_importance,
    permutation_importance,
)
from models.ranking.dcn_v2 import dcn_v2
from models.ranking.deepfm import deepfm

NAMES = ("user_id", "weekday", "item_id", "place")
FIELDS = [Field(name, width=4, rows=21) for name in NAMES]
MIXED = [
    Field("user_id", width=4, rows=9),
    Field("age", "float"),
    Field("recent", width=2, rows=9, length=3, times="seen"),
    Field("seen", "float", width=3),
    Field("shape", "float", width=2),
]


def planted_rows(n, seed):
    """A user likes an item where both have the same parity; the day and the place say nothing."""
    rng = np.random.default_rng(seed)
    x = {name: rng.integers(1, 21, n) for name in NAMES}
    return x, (x["user_id"] % 2 == x["item_id"] % 2).astype(np.float32)


def trained(**options):
    keras.utils.set_random_seed(7)
    model = dcn_v2(FIELDS, crosses=1, hidden=(), **options)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    model.fit(*planted_rows(4000, seed=0), batch_size=200, epochs=8, verbose=0)
    return model


@pytest.fixture(scope="module")
def model():
    return trained()


@pytest.mark.parametrize("options", [{}, {"rank": 4}, {"rank": 4, "experts": 2}])
def test_the_pair_with_the_planted_rule_has_the_largest_block(model, options):
    importance = cross_importance(trained(**options) if options else model, FIELDS)
    assert importance.names == NAMES
    pairs = {
        (one, other): importance.of(one, other)
        for i, one in enumerate(NAMES)
        for other in NAMES[i:]
    }
    first, second, *_ = sorted(pairs, key=pairs.__getitem__, reverse=True)
    assert first == ("user_id", "item_id")
    assert pairs[first] > 1.2 * pairs[second]


def test_the_fields_of_the_planted_rule_lose_most(model):
    x, y = planted_rows(1000, seed=1)
    drops = permutation_importance(
        lambda x: model.predict(x, verbose=0), x, y, roc_auc_score, repeats=3
    )
    assert set(list(drops)[:2]) == {"user_id", "item_id"}
    for name, drop in drops.items():
        assert 0.0 <= drop.spread < 0.1
        assert drop.mean > 0.3 if name in ("user_id", "item_id") else abs(drop.mean) < 0.05


@pytest.mark.parametrize("options", [{}, {"rank": 3}, {"rank": 3, "experts": 2}])
def test_blocks_are_those_of_the_fields(options):
    model = dcn_v2(MIXED, crosses=2, hidden=(), **options)
    importance = cross_importance(model, MIXED)
    assert importance.names == ("user_id", "age", "recent", "shape")
    assert importance.layers.shape == (2, 4, 4)
    places = {"user_id": range(4), "age": [4], "recent": [5, 6], "shape": [7, 8]}
    for layer in range(2):
        W = model.get_layer(f"cross_{layer}").matrix()
        for i, rows in enumerate(places.values()):
            for j, columns in enumerate(places.values()):
                squares = sum(W[a, b] ** 2 for a in rows for b in columns)
                assert_allclose(importance.layers[layer, i, j], np.sqrt(squares), rtol=1e-4)
    assert_allclose(
        importance.combined, np.hypot(importance.layers[0], importance.layers[1]), rtol=1e-5
    )


def test_a_block_says_which_field_multiplies_which():
    model = dcn_v2(MIXED, crosses=1, hidden=())
    W = np.zeros((9, 9))
    W[4, 5] = 3.0  # what multiplies `age` of x_0 looks at `recent`
    model.get_layer("cross_0").kernel.kernel.assign(W.T)
    importance = cross_importance(model, MIXED)
    expected = np.zeros((4, 4))
    expected[1, 2] = 3.0
    assert_allclose(importance.combined, expected)
    assert importance.of("recent", "age") == importance.of("age", "recent") == 3.0


def test_a_model_without_cross_layers_is_refused():
    with pytest.raises(ConfigurationError, match="`model` must have cross layers"):
        cross_importance(deepfm(FIELDS), FIELDS)


def test_fields_of_another_model_are_refused(model):
    with pytest.raises(ConfigurationError, match="16 values wide. Received: 9 values"):
        cross_importance(model, MIXED)


def test_permutations_go_by_the_seed_and_leave_the_inputs_alone():
    rng = np.random.default_rng(0)
    x = {"a": rng.normal(size=50), "b": rng.normal(size=(50, 2))}
    before = {name: values.copy() for name, values in x.items()}
    y = (x["a"] + x["b"].sum(axis=1) > 0).astype(float)

    def drops(seed):
        return permutation_importance(
            lambda x: x["a"] + x["b"].sum(axis=1), x, y, roc_auc_score, seed=seed
        )

    assert drops(3) == drops(3)
    assert drops(3) != drops(4)
    assert list(drops(3)) == ["b", "a"]
    for name in x:
        np.testing.assert_array_equal(x[name], before[name])


def test_mean_and_spread_are_over_the_repeats():
    metric = iter([1.0, 0.5, 0.9]).__next__
    drops = permutation_importance(
        lambda x: x["a"], {"a": np.ones(4)}, np.ones(4), lambda y, s: metric(), repeats=2
    )
    assert_allclose([drops["a"].mean, drops["a"].spread], [0.3, 0.2])


def test_repeats_below_one_are_refused():
    with pytest.raises(ConfigurationError, match="`repeats` must be above 0. Received: 0"):
        permutation_importance(lambda x: x["a"], {}, np.ones(1), roc_auc_score, repeats=0)


def test_the_heat_map_is_a_picture(tmp_path):
    norms = np.random.default_rng(0).random((2, 4, 4))
    draw_importance(CrossImportance(NAMES, norms), tmp_path / "pairs.png")
    assert (tmp_path / "pairs.png").read_bytes().startswith(b"\x89PNG")
