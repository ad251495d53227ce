import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.normalise import NORMALISERS, Quantile, SignedLog, Standardise

RNG = np.random.default_rng(0)


def skewed(rows):
    return RNG.lognormal(3.0, 2.0, (rows, 1)).astype(np.float32)


def value_of(x):
    return keras.ops.convert_to_numpy(x)


def test_the_signed_log_is_odd_and_keeps_0():
    x = np.array([[-9.0, 0.0, 9.0]], np.float32)
    assert_allclose(SignedLog()(x), [[-np.log(10.0), 0.0, np.log(10.0)]], rtol=1e-6)


@pytest.mark.parametrize("parts", [1, 4])
def test_standardising_goes_by_all_rows_seen(parts):
    x = RNG.normal([5.0, -100.0], [2.0, 30.0], (40, 2)).astype(np.float32)
    layer = Standardise()
    for part in np.array_split(x, parts):
        layer(part, training=True)
    expected = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-6)
    assert_allclose(layer(x), expected, rtol=1e-3, atol=1e-4)


def test_standardising_forgets_what_is_older_than_its_memory():
    layer = Standardise(memory=10)
    layer(np.full((1000, 1), 50.0, np.float32), training=True)
    for _ in range(20):
        layer(RNG.normal(0.0, 1.0, (10, 1)).astype(np.float32), training=True)
    assert abs(value_of(layer.mean)[0]) < 1.0


@pytest.mark.parametrize("constant", [0.0, 0.1, -3e7])
def test_a_constant_stays_near_0(constant):
    x = np.full((700, 1), constant, np.float32)
    layer = Standardise()
    for _ in range(5):
        assert_allclose(layer(x, training=True), 0.0, atol=0.05)
    assert_allclose(layer(x), 0.0, atol=0.05)


def test_before_any_training_numbers_pass_as_they_are():
    x = np.array([[0.25], [0.75]], np.float32)
    assert_allclose(Standardise()(x), x, rtol=1e-5)
    assert_allclose(Quantile()(x), x, rtol=1e-5)


@pytest.mark.parametrize("parts", [1, 3, 15])
def test_a_quantile_is_the_share_of_rows_below(parts):
    x = skewed(3000)
    layer = Quantile()
    for part in np.array_split(x, parts):
        layer(part, training=True)
    share = (x[:, 0] < x[:, :1]).mean(axis=1)
    assert_allclose(value_of(layer(x))[:, 0], share, atol=0.025)


def test_quantiles_do_not_drift_while_rows_come_from_one_place():
    layer = Quantile(memory=200)
    for _ in range(40):
        layer(skewed(50), training=True)
    x = skewed(2000)
    share = (x[:, 0] < x[:, :1]).mean(axis=1)
    assert_allclose(value_of(layer(x))[:, 0], share, atol=0.12)


def test_quantiles_follow_when_rows_change_place():
    layer = Quantile(memory=200)
    layer(RNG.random((5000, 1), np.float32), training=True)
    for _ in range(12):
        layer(10.0 + RNG.random((100, 1), np.float32), training=True)
    middle = layer(np.array([[10.5]], np.float32))
    assert_allclose(middle, 0.5, atol=0.1)


def test_an_outlier_does_not_crowd_the_others():
    x = RNG.random((500, 1), np.float32)
    x[7] = 1e9
    layer = Quantile()
    for _ in range(5):
        layer(x, training=True)
    assert_allclose(layer(np.array([[0.25], [0.75]], np.float32)), [[0.25], [0.75]], atol=0.08)


def test_many_equal_numbers_keep_their_share():
    x = np.concatenate([np.zeros((60, 1)), 1.0 + RNG.random((40, 1))]).astype(np.float32)
    layer = Quantile()
    for _ in range(20):
        layer(RNG.permutation(x)[:50], training=True)
    low, high = value_of(layer(np.array([[0.0], [1.0]], np.float32)))[:, 0]
    assert low < 0.02
    assert high == pytest.approx(0.6, abs=0.05)


def test_each_column_has_quantiles_of_its_own():
    x = np.hstack([skewed(300), -skewed(300)])
    layer = Quantile()
    layer(x, training=True)
    alone = Quantile()
    alone(x[:, 1:], training=True)
    assert_allclose(value_of(layer(x))[:, 1:], alone(x[:, 1:]), atol=1e-3)


@pytest.mark.parametrize("kind", ["standard", "quantile"])
class TestBoth:
    def test_the_first_batch_may_be_one_row(self, kind):
        layer = NORMALISERS[kind]()
        first = layer(np.array([[7.0]], np.float32), training=True)
        assert np.isfinite(first).all()
        for _ in range(5):
            layer(skewed(100), training=True)
        assert np.isfinite(layer(skewed(100))).all()
        assert value_of(layer(skewed(100))).std() > 0.1

    def test_a_row_is_scaled_alike_in_training_and_afterwards(self, kind):
        layer, x = NORMALISERS[kind](), skewed(50)
        layer(skewed(200), training=True)
        assert_allclose(layer(x, training=True), layer(x), rtol=1e-6)

    def test_predicting_moves_nothing(self, kind):
        layer = NORMALISERS[kind]()
        layer(skewed(50), training=True)
        before = layer.get_weights()
        layer(skewed(50))
        layer(skewed(50), training=False)
        for old, new in zip(before, layer.get_weights(), strict=True):
            assert_array_equal(old, new)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_a_batch_that_is_not_finite_moves_nothing_and_spoils_no_other_row(self, kind, bad):
        layer, x = NORMALISERS[kind](), skewed(50)
        layer(skewed(200), training=True)
        before, clean = layer.get_weights(), value_of(layer(x))
        x[3] = bad
        scaled = value_of(layer(x, training=True))
        for old, new in zip(before, layer.get_weights(), strict=True):
            assert_array_equal(old, new)
        others = np.arange(50) != 3
        assert_allclose(scaled[others], clean[others], rtol=1e-6)

    def test_a_bad_first_batch_moves_nothing(self, kind):
        layer = NORMALISERS[kind]()
        layer(np.array([[np.nan], [1.0]], np.float32), training=True)
        assert value_of(layer.count) == 0

    def test_its_statistics_are_saved(self, kind, tmp_path):
        x = keras.Input((1,))
        model = keras.Model(x, NORMALISERS[kind](memory=123.0)(x))
        model(skewed(300), training=True)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.layers[-1].memory == 123.0
        rows = skewed(20)
        assert_array_equal(model.predict(rows, verbose=0), loaded.predict(rows, verbose=0))

    def test_no_gradient_moves_them(self, kind):
        layer = NORMALISERS[kind]()
        layer.build((None, 1))
        assert layer.trainable_weights == []
        assert len(layer.non_trainable_weights) in (2, 3)
