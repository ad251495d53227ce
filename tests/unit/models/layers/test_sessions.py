import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.layers.sessions import SessionEvolution, SessionInterest, Sessions

RNG = np.random.default_rng(0)


def cut(ids, times=None, sessions=3, entries=2):
    """The ids of each session, by a table whose row for an id is the id itself."""
    vectors = np.array(ids, np.float32)[..., None]
    given = [vectors, np.array(ids)]
    if times is not None:
        given.append(np.array(times, np.float32))
    parts, there = Sessions(sessions, entries, gap_s=1800.0)(*given)
    assert_array_equal(np.array(there), np.array(parts)[..., 0] != 0)
    return np.array(parts)[..., 0].astype(int).tolist()


def test_a_session_ends_where_more_than_the_gap_lies_between():
    ids = [[1, 2, 3, 4, 0, 0]]
    times = [[10_000, 8_200, 6_399, 6_398, 0, 0]]
    assert cut(ids, times) == [[[1, 2], [3, 4], [0, 0]]]


def test_the_oldest_entries_of_a_session_are_left_out():
    assert cut([[1, 2, 3, 4]], [[9, 8, 7, 6]]) == [[[1, 2], [0, 0], [0, 0]]]


def test_the_oldest_sessions_are_left_out():
    ids, times = [[1, 2, 3, 4, 5]], [[50_000, 40_000, 30_000, 20_000, 10_000]]
    assert cut(ids, times) == [[[1, 0], [2, 0], [3, 0]]]


def test_without_times_the_list_is_one_session():
    assert cut([[1, 2, 0]], sessions=1, entries=5) == [[[1, 2, 0, 0, 0]]]


def test_the_first_padding_is_no_cut():
    assert cut([[1, 0], [0, 0]], [[1.7e9, 0], [0, 0]]) == [
        [[1, 0], [0, 0], [0, 0]],
        [[0, 0], [0, 0], [0, 0]],
    ]


def test_a_list_of_one_entry_is_one_session():
    assert cut([[7]], [[100]]) == [[[7, 0], [0, 0], [0, 0]]]


def test_what_stands_in_padding_changes_nothing():
    ids = np.array([[1, 2, 0]])
    vectors = RNG.normal(size=(1, 3, 2)).astype(np.float32)
    other = vectors + 50.0 * (ids == 0)[..., None]
    parts = [Sessions(2, 3)(v.astype(np.float32), ids)[0] for v in (vectors, other)]
    assert_array_equal(*parts)


VECTORS = RNG.normal(size=(2, 3, 2, 4)).astype(np.float32)
THERE = np.array([[[1, 1], [1, 0], [0, 0]], [[0, 0], [0, 0], [0, 0]]])


def test_an_interest_is_the_mean_of_the_block_on_biased_entries():
    layer = SessionInterest(heads=2)
    layer(VECTORS, THERE)
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    interests, present = layer(VECTORS, THERE)
    assert_array_equal(present, [[1, 1, 0], [0, 0, 0]])
    for row, k in np.ndindex(2, 3):
        entries = [t for t in range(2) if THERE[row, k, t]]
        expected = np.zeros(4)
        if entries:
            biased = np.zeros((1, len(entries), 4), np.float32)
            for at, t in enumerate(entries):
                for c in range(4):
                    biased[0, at, c] = (
                        VECTORS[row, k, t, c]
                        + layer.session_bias.numpy()[k, 0, 0]
                        + layer.entry_bias.numpy()[t, 0]
                        + layer.component_bias.numpy()[c]
                    )
            # The block has a test of its own.
            expected = np.array(layer.block(biased, np.ones((1, len(entries)))))[0].mean(axis=0)
        assert_allclose(interests[row, k], expected, rtol=1e-4, atol=1e-5)


def lstm(xs, w):
    """The states of one direction over the rows of xs."""
    h, c, states = np.zeros(4), np.zeros(4), []
    for x in xs:
        i, f, g, o = np.split(x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4)
        i, f, o = (1.0 / (1.0 + np.exp(-z)) for z in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        states.append(h)
    return states


def test_interests_evolve_in_both_directions():
    interests, present = VECTORS[:, :, 0], np.array([[1, 1, 0], [0, 0, 0]])
    layer = SessionEvolution()
    layer(interests, present)
    w = {}
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape) * 0.5)
        *_, direction, _, name = weight.path.split("/")
        w.setdefault(direction, {})[name] = keras.ops.convert_to_numpy(weight)
    forward = lstm(interests[0, :2], w["forward_lstm"])
    backward = lstm(interests[0, 1::-1], w["backward_lstm"])[::-1]
    expected = np.zeros((2, 3, 8))
    expected[0, :2] = np.hstack([forward, backward])
    assert_allclose(layer(interests, present), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [SessionInterest(3, name="a"), Sessions(2, 3, 60.0, name="b")])
def test_options_are_saved(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
