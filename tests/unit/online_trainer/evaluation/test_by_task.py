"""How much worse one ranker is than another, task by task."""

from typing import NamedTuple

import numpy as np
import pytest

from millstream.domain.tasks import TaskKind
from online_trainer.evaluation.by_task import LEAST_ROWS, TaskRows, by_task
from online_trainer.evaluation.paired import BLOCKS
from online_trainer.learners.batch import Batch

ROWS = 2_000


class Task(NamedTuple):
    name: str
    kind: TaskKind = "binary"


CLICK, STARS = Task("click"), Task("stars", "regression")


def rows_of(labels: np.ndarray, groups: np.ndarray | None = None) -> TaskRows:
    ones = np.ones(len(labels), np.float32)
    extra = {} if groups is None else {"groups": groups.astype(np.int32)}
    (found,) = by_task(Batch({}, labels.astype(np.float32), ones, ones > 0, **extra), [CLICK])
    return found


def planted(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the scores of one that knows their odds, and those of one that is noisy."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=ROWS)
    labels = (rng.random(ROWS) < 1 / (1 + np.exp(-logits))).astype(float)
    noisy = logits + rng.normal(size=ROWS)
    return labels, 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(-noisy))


def test_a_noisy_ranker_is_worse_for_sure_and_the_other_way_round_it_is_better():
    labels, knows, noisy = planted(1)
    own = rows_of(labels, np.arange(ROWS) // 5)
    for name in ("event_auc", "auc", "log_loss"):
        worse = own.worse_by(noisy, knows)[name]
        assert 0 < worse.low < worse.mean < worse.high
        better = own.worse_by(knows, noisy)[name]
        assert better == pytest.approx((-worse.mean, -worse.high, -worse.low))


def test_a_ranker_is_as_good_as_itself():
    labels, knows, _ = planted(2)
    own = rows_of(labels, np.arange(ROWS) // 5)
    assert all(each == (0, 0, 0) for each in own.worse_by(knows, knows).values())


def test_one_that_promises_twice_as_much_or_half_is_off_by_the_logarithm_of_two():
    own = rows_of(np.tile([0.0, 0.0, 0.0, 1.0], ROWS // 4))
    right = np.full(ROWS, 0.25)
    for share in (0.5, 0.125):
        found = own.worse_by(np.full(ROWS, share), right)["calibration"]
        assert found.mean == pytest.approx(np.log(2))


def test_the_order_within_events_is_the_share_of_their_pairs_that_is_right():
    # Of each event the positive is last: `ours` puts it above two of four, `theirs` above all.
    labels = np.tile([0.0, 0.0, 0.0, 0.0, 1.0], ROWS // 5)
    events = np.arange(ROWS) // 5
    of_event = np.random.default_rng(3).random(ROWS // 5)[events] * 0.5  # says nothing of order
    ours = of_event + np.tile([0.1, 0.2, 0.4, 0.45, 0.3], ROWS // 5)
    theirs = of_event + np.tile([0.1, 0.2, 0.3, 0.4, 0.45], ROWS // 5)
    found = rows_of(labels, events).worse_by(ours, theirs)["event_auc"]
    assert found == pytest.approx((0.5, 0.5, 0.5))


def test_rows_that_are_alone_in_their_event_have_no_order():
    labels, knows, noisy = planted(4)
    assert np.isnan(rows_of(labels).worse_by(noisy, knows)["event_auc"].low)


def test_tasks_are_compared_each_on_its_own_rows_and_one_of_few_rows_is_left_out():
    rng = np.random.default_rng(5)
    tasks = np.zeros(ROWS, np.int32)
    tasks[::2], tasks[: LEAST_ROWS - 1] = 1, 2
    stars = rng.normal(100.0, 10.0, ROWS)
    labels = np.where(tasks == 1, stars, rng.random(ROWS) < 0.5).astype(np.float32)
    ones = np.ones(ROWS, np.float32)
    batch = Batch({}, labels, ones, ones > 0, tasks=tasks, is_number=tasks == 1)
    click, number = by_task(batch, [CLICK, STARS, Task("rare")])
    assert (click.name, number.name) == ("click", "stars")
    miss = np.where(tasks == 1, labels + 2.0, 0.5)
    half = np.where(tasks == 1, labels - 1.0, 0.5)
    assert number.worse_by(miss, half)["rmse"].mean == pytest.approx(np.log(2), rel=1e-4)
    assert set(click.worse_by(miss, half).values()) >= {(0, 0, 0)}
    assert number.error(miss) == pytest.approx(np.log(2), rel=1e-4)


def test_an_error_has_risen_by_its_distance_from_what_it_was():
    labels, knows, noisy = planted(6)
    own = rows_of(labels)
    before = own.error(knows)
    found = own.risen(noisy, before)
    assert found.mean == pytest.approx(own.error(noisy) - before)
    assert found.low < found.mean < found.high
    assert own.risen(knows, before).mean == pytest.approx(0.0)
    p = np.clip(knows, 1e-7, 1)
    assert before == pytest.approx(-np.mean(labels * np.log(p) + (1 - labels) * np.log1p(-p)))


def test_blocks_are_of_whole_events_and_hold_every_row_once():
    own = rows_of(np.tile([0.0, 1.0], ROWS // 2), np.arange(ROWS) // 7)
    assert len(own.blocks) == BLOCKS
    assert np.concatenate(own.blocks).tolist() == list(range(ROWS))
    events = [set(own.groups[block].tolist()) for block in own.blocks]
    assert sum(map(len, events)) == len(set.union(*events))
