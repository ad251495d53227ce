import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.losses.streaming_frequency import StreamingFrequency


def feed(frequency, chances, steps, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.array(list(chances))
    for _ in range(steps):
        frequency.update(ids[rng.random(len(ids)) < np.array(list(chances.values()))])


def test_it_finds_the_chance_of_each_item_to_be_in_a_batch():
    chances = {11: 1.0, 2**62 + 5: 0.5, 12: 0.1}
    frequency = StreamingFrequency(alpha=0.01)
    feed(frequency, chances, 4000)
    assert_allclose(frequency.probability(np.array(list(chances))), [1.0, 0.5, 0.1], rtol=0.25)


def test_it_is_the_papers_recurrence_after_the_first_batch():
    frequency = StreamingFrequency(alpha=0.1)
    gap, last = 0.0, 0
    for step in range(1, 40):
        present = step in (3, 4, 9, 20, 33)
        frequency.update(np.array([7] if present else [8]))
        if present:
            gap = float(step) if last == 0 else 0.9 * gap + 0.1 * (step - last)
            last = step
    assert frequency.probability(np.array([7]))[0] == pytest.approx(1.0 / gap)


def test_an_item_counts_once_in_a_batch():
    once, often = StreamingFrequency(), StreamingFrequency()
    for _ in range(5):
        once.update(np.array([1, 2]))
        often.update(np.array([1, 1, 2, 1]))
    assert_array_equal(once.gap, often.gap)


def test_it_follows_an_item_that_becomes_popular():
    frequency = StreamingFrequency(alpha=0.05)
    feed(frequency, {1: 0.02}, 1000)
    rare = frequency.probability(np.array([1]))[0]
    feed(frequency, {1: 0.9}, 200)
    assert rare < 0.1
    assert frequency.probability(np.array([1]))[0] > 0.7


def test_an_unseen_item_is_rarer_than_any_that_was_seen():
    frequency = StreamingFrequency()
    assert frequency.probability(np.array([5]))[0] == 1.0
    for _ in range(9):
        frequency.update(np.array([1]))
    assert frequency.probability(np.array([5]))[0] == pytest.approx(0.1)


def test_more_tables_bring_the_error_of_collisions_down():
    # 300 items in 256 slots: in one table most items share a slot with another.
    chances = {int(i): 0.05 for i in np.random.default_rng(1).integers(1, 2**62, 300)}
    errors = []
    for tables in (1, 4):
        frequency = StreamingFrequency(slots=256, tables=tables, alpha=0.02)
        feed(frequency, chances, 1500)
        errors.append(np.median(frequency.probability(np.array(list(chances)))) / 0.05)
    assert errors[1] < errors[0]
    assert errors[1] == pytest.approx(1.0, abs=0.35)


def test_going_on_from_a_state_equals_never_having_stopped():
    chances = {1: 0.5, 2: 0.2, 3: 0.9}
    whole, part = StreamingFrequency(slots=64), StreamingFrequency(slots=64)
    feed(whole, chances, 50)
    feed(part, chances, 50)
    resumed = StreamingFrequency(slots=64)
    resumed.restore(part.state())
    feed(whole, chances, 50, seed=1)
    feed(resumed, chances, 50, seed=1)
    for name, values in whole.state().items():
        assert_array_equal(values, resumed.state()[name])


def test_a_state_is_a_copy():
    frequency = StreamingFrequency(slots=64)
    state = frequency.state()
    frequency.update(np.array([1]))
    assert state["last"].sum() == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"slots": 100}, "`slots` must be a power of two above 1. Received: 100."),
        ({"tables": 5}, "`tables` must be 1 to 4. Received: 5."),
        ({"alpha": 0.0}, r"`alpha` must be in \(0, 1\]. Received: 0.0."),
    ],
)
def test_an_argument_that_cannot_work_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        StreamingFrequency(**given)


def test_a_state_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"tables of shape \(2, 64\). Received: \(2, 128\)"):
        StreamingFrequency(slots=64).restore(StreamingFrequency(slots=128).state())
