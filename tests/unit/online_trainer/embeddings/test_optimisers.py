import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_trainer.embeddings.optimisers import Ftrl, LazyAdam, RowAdagrad, RowOptimiser, Slots

RATE = 0.1


def steps(optimiser: RowOptimiser, values: np.ndarray, gradients: list[np.ndarray]) -> np.ndarray:
    """The rows after one step for each gradient."""
    slots: Slots = {
        name: np.full((len(values), values.shape[1] if slot.per_value else 1), slot.initial, "f")
        for name, slot in optimiser.slots.items()
    }
    for step, gradient in enumerate(gradients, start=1):
        values, slots = optimiser.update(values, slots, gradient, step)
    return values


def some(seed: int, width: int, count: int = 5) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    draw = [rng.normal(size=(7, width)).astype(np.float32) for _ in range(count + 1)]
    return draw[0], draw[1:]


def keras_steps(
    optimiser: keras.Optimizer, values: np.ndarray, gradients: list[np.ndarray]
) -> np.ndarray:
    variable = keras.Variable(values)
    for gradient in gradients:
        optimiser.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return keras.ops.convert_to_numpy(variable)


def test_rows_of_one_value_move_as_keras_adagrad_moves_them():
    values, gradients = some(1, width=1)
    reference = keras.optimizers.Adagrad(RATE, initial_accumulator_value=0.1)
    expected = keras_steps(reference, values, gradients)
    np.testing.assert_allclose(steps(RowAdagrad(RATE, 0.1), values, gradients), expected, 1e-5)


def test_all_values_of_a_row_share_one_adagrad_rate():
    values, gradients = some(2, width=4)
    expected, total = values.astype(np.float64), np.full((7, 1), 0.1)
    for gradient in gradients:
        total += np.mean(gradient.astype(np.float64) ** 2, axis=1, keepdims=True)
        expected = expected - RATE * gradient / np.sqrt(total)
    np.testing.assert_allclose(steps(RowAdagrad(RATE), values, gradients), expected, 1e-5)


def test_rows_that_are_in_every_batch_move_as_keras_adam_moves_them():
    values, gradients = some(3, width=4)
    expected = keras_steps(keras.optimizers.Adam(RATE), values, gradients)
    np.testing.assert_allclose(steps(LazyAdam(RATE), values, gradients), expected, 1e-4, 1e-5)


def test_ftrl_from_zero_is_the_papers_algorithm():
    _, gradients = some(4, width=3)
    alpha, beta, l1, l2 = RATE, 1.0, 0.3, 0.2
    z, n, w = (np.zeros((7, 3)) for _ in range(3))
    for gradient in gradients:
        g = gradient.astype(np.float64)
        sigma = (np.sqrt(n + g**2) - np.sqrt(n)) / alpha
        z, n = z + g - sigma * w, n + g**2
        w = np.where(
            np.abs(z) <= l1, 0.0, -(z - np.sign(z) * l1) / ((beta + np.sqrt(n)) / alpha + l2)
        )
    found = steps(Ftrl(alpha, beta, l1, l2), np.zeros((7, 3), np.float32), gradients)
    np.testing.assert_allclose(found, w, 1e-4, 1e-6)
    assert (found == 0).any()


@given(st.floats(-2, 2, width=32), st.floats(0, 0.5, width=32), st.floats(0, 0.5, width=32))
def test_ftrl_leaves_a_row_where_it_starts_until_a_gradient_comes(start, l1, l2):
    values = np.array([[start]], np.float32)
    still = steps(Ftrl(RATE, 1.0, l1, l2), values, [np.zeros((1, 1), np.float32)] * 3)
    np.testing.assert_allclose(still, values, 1e-4, 1e-6)


@pytest.mark.parametrize("optimiser", [RowAdagrad(RATE), LazyAdam(RATE), Ftrl(RATE)])
def test_each_finds_the_bottom_of_a_bowl(optimiser):
    target = np.array([[0.5, -0.25]], np.float32)
    values = np.zeros((1, 2), np.float32)
    slots = {
        name: np.full((1, 2 if slot.per_value else 1), slot.initial, np.float32)
        for name, slot in optimiser.slots.items()
    }
    for step in range(1, 600):
        values, slots = optimiser.update(values, slots, 2 * (values - target), step)
    np.testing.assert_allclose(values, target, atol=0.02)
