"""The core: what is learnt, what is passed over, and that a restart changes nothing."""

import numpy as np
import pyarrow as pa
import pytest

from millstream.batches import encode_table
from models.weights import weight_arrays
from online_trainer.trainer import Trainer
from tests.support.examples import START_S, example_message
from tests.support.training import differences

ROWS = 120


def consume(trainer: Trainer, numbers) -> None:
    for number in numbers:
        trainer.consume(example_message(number, ROWS), number)


def test_every_score_is_given_before_its_label_is_learnt_from(trainers):
    """Labels that are tossed cannot be foretold, however often the same rows come."""
    trainer = trainers.fresh()
    for number in range(10):
        tossed = np.random.default_rng(number + 1).integers(0, 2, ROWS).astype(np.float32)
        offsets = pa.array(number * ROWS + np.arange(ROWS))
        changes = {"label": pa.array(tossed), "source_offset": offsets}
        trainer.consume(example_message(0, ROWS, changes=changes), number)
    assert abs(trainer.progress.value("all", "overall", "auc") - 0.5) < 0.06


def test_the_planted_taste_is_found_by_both_learners(trainers):
    trainer = trainers.fresh()
    hits = []
    for number in range(60):
        message = example_message(number, 256, users=24, items=48)
        consumed = trainer.consume(message, number)
        hits += [step.hit_rate for step in consumed.retrieved]
    assert trainer.progress.value("all", "window", "auc") > 0.7
    # Sixteen of the 48 items are liked: one that knows them has 10/16 of them among the first ten.
    assert np.mean(hits[-20:]) > 0.5 > np.mean(hits[:4])


def test_rows_that_were_seen_before_are_dropped(trainers):
    trainer = trainers.fresh()
    first = trainer.consume(example_message(3, ROWS), 0)
    again = trainer.consume(example_message(3, ROWS), 1)
    other = trainer.consume(example_message(3, ROWS, partition=1), 2)
    assert (first.learnt, again.learnt, other.learnt) == (ROWS, 0, ROWS)
    assert again.repeated == ROWS
    assert trainer.offsets.marks == {
        "interactions-0": 4 * ROWS - 1,
        "interactions-1": 4 * ROWS - 1,
    }


def test_probe_events_are_measured_and_not_learnt_from(trainers):
    trainer = trainers.fresh()
    probes = np.arange(ROWS) == 7
    consumed = trainer.consume(example_message(0, ROWS, changes={"is_probe": pa.array(probes)}), 0)
    assert consumed.learnt == ROWS - 1
    assert [(probe.event_id, probe.event_time) for probe in consumed.probes] == [
        ("event-7", START_S + 7)
    ]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("column", ["user_events_1h", "label", "weight"])
def test_a_row_with_a_number_that_is_not_finite_moves_nothing(trainers, column, wrong):
    clean, dirty = trainers.fresh(), trainers.fresh()
    consume(clean, range(2))
    consume(dirty, range(2))
    values = pa.array(np.full(ROWS, wrong, np.float32))
    consumed = dirty.consume(example_message(2, ROWS, changes={column: values}), 2)
    assert consumed.unsound == ROWS
    assert "finite" in (consumed.refused or "")
    assert differences(clean, dirty) == []


def test_a_step_whose_loss_is_not_finite_leaves_the_weights_as_they_are(trainers):
    trainer = trainers.fresh()
    consume(trainer, range(2))
    before = weight_arrays(trainer.ranker.network)
    huge = pa.array(np.full(ROWS, 3e38, np.float32))
    consumed = trainer.consume(
        example_message(2, ROWS, changes={"user_age": huge, "weight": huge}), 2
    )
    assert "finite loss" in (consumed.refused or "")
    after = weight_arrays(trainer.ranker.network)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    consume(trainer, range(3, 5))
    assert np.isfinite(trainer.progress.value("all", "overall", "log_loss"))


def test_a_message_that_cannot_be_read_is_passed_over_with_its_reason(trainers):
    trainer = trainers.fresh()
    assert "Arrow" in (trainer.consume(b"nonsense", 0).refused or "")
    table = pa.table({"label": [1.0]})
    consumed = trainer.consume(encode_table(table, {"source_topic": "interactions"}), 1)
    assert "event_id" in (consumed.refused or "")
    assert trainer.offsets.offset == 2
