"""Rows of one event in a batch: which belong together, and what a draw is worth."""

import numpy as np
import pyarrow as pa
import pytest

from online_trainer.io.examples import ExampleBatch, decode
from online_trainer.learners.batch import Batch
from tests.support.examples import example_message

ROWS = 12
EVENTS = np.repeat([0, 1, 2, 3], 3)


def batch_of(**changes):
    events = {"source_offset": pa.array(EVENTS + 5)}
    message = decode(example_message(0, ROWS, changes={**events, **changes}))
    return ExampleBatch.of(message.table)


def test_rows_of_one_event_are_one_group_also_in_a_part():
    batch = batch_of().batch
    assert batch.groups.tolist() == EVENTS.tolist()
    assert batch.take(np.arange(4, 10)).groups.tolist() == [0, 0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("size", "lengths"), [(4, [3, 3, 3, 3]), (7, [6, 6]), (50, [12]), (2, [2, 1] * 4)]
)
def test_a_step_cuts_no_event_in_two_unless_the_event_is_longer(size, lengths):
    parts = [*batch_of().slices(size)]
    assert [len(part) for part in parts] == lengths
    times = np.concatenate([part.event_time for part in parts])
    assert times.tolist() == batch_of().event_time.tolist()


def test_a_negative_that_was_drawn_more_often_counts_less_and_its_log_odds_are_known():
    origin = pa.array(["organic", "sampled", "sampled"] * 4).dictionary_encode()
    oversampling = pa.array([4.0, 2.0, 0.5] * 4, pa.float32())
    batch = batch_of(origin=origin, oversampling=oversampling).batch
    assert batch.weights.tolist() == [1.0, 0.5, 2.0] * 4
    np.testing.assert_allclose(batch.log_odds, np.log([4.0, 2.0, 0.5] * 4), rtol=1e-6)


def test_a_late_positive_is_shown_and_late_and_stays_so_in_a_part():
    origin = pa.array(["impression", "corrected", "organic"] * 4).dictionary_encode()
    position = pa.array([0, 1, 2] * 3 + [None] * 3, pa.int16())
    batch = batch_of(origin=origin, position=position).batch
    assert batch.is_shown.tolist() == [True, True, False] * 4
    assert batch.is_late.tolist() == [False, True, False] * 4
    assert batch.positions.tolist() == [0, 1, -1] * 3 + [-1] * 3
    assert batch.take(slice(3, 6)).is_late.tolist() == [False, True, False]
    assert Batch.joined([batch, batch]).is_late.tolist() == [False, True, False] * 8


def test_the_share_of_negatives_that_is_kept_is_that_of_uniform_draws_however_they_were_drawn():
    origin = pa.array(["organic", "sampled", "sampled"] * 4).dictionary_encode()
    oversampling = np.array([1.0, 2.0, 0.5] * 4, np.float32)
    batch = batch_of(
        origin=origin,
        oversampling=pa.array(oversampling),
        sampled_probability=pa.array(oversampling / 100),
    ).batch
    np.testing.assert_allclose(batch.kept, 2 / 100, rtol=1e-6)


def test_messages_from_before_the_column_are_of_uniform_draws():
    batch = batch_of().batch
    assert not batch.log_odds.any()
    assert (batch.weights == 1.0).all()


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), None])
def test_rows_whose_oversampling_cannot_be_are_unsound(wrong):
    batch = batch_of(oversampling=pa.array([1.0, wrong] * 6, pa.float32())).batch
    assert batch.sound().tolist() == [True, False] * 6
