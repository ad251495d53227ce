"""A shown item teaches each task once, as feedback comes; so does an event without a list."""

import pytest

from features import labels
from features.labels import LabelTask
from millstream.batches import decode_table, metadata_of
from millstream.domain.tasks import Task
from stream.outputs.messages import messages
from tests.support.stream_cases import MemoryStream, examples_of, impression, interaction

SHORT_S, LONG_S, GRACE_S = 60.0, 600.0, 5.0


@pytest.fixture(autouse=True)
def three_tasks(monkeypatch):
    """Clicks within a minute, purchases within ten, and how many stars."""
    declared = {
        "click": Task(positives=("click", "purchase")),
        "purchase": Task(positives=("purchase",), window=LONG_S, weight=2.0),
        "stars": Task(kind="regression", numbers=("rating",), scale=5.0),
    }
    tasks = tuple(LabelTask(*entry) for entry in declared.items())
    monkeypatch.setattr(labels, "TASKS", tasks)
    monkeypatch.setattr(labels, "ARE_DECLARED", True)


@pytest.fixture
def stream():
    return MemoryStream(join_window_s=SHORT_S, allowed_lateness_s=0.0, sampled_negatives=0)


def taught(effects, source="interactions"):
    """(task, item, label) of each example."""
    return [(r["task"], r["item_id"], round(r["label"], 4)) for r in examples_of(effects, source)]


def silent(stream, second):
    """All that is over when nothing has come until then."""
    return stream.fall_silent(now=second + GRACE_S)


def said(second, kind, item="i1", **fields):
    return interaction(second, kind=kind, item=item, request_id="r1", **fields)


def test_a_click_and_a_later_purchase_after_one_impression_both_teach(stream):
    effects = stream.run(impression(0), said(1, "click"), said(100, "purchase"))
    assert taught(effects) == [("click", "i1", 1.0), ("purchase", "i1", 1.0)]


def test_a_purchase_alone_teaches_every_task_that_it_is_a_positive_of(stream):
    effects = stream.run(impression(0), said(1, "purchase"), said(2, "click"))
    assert taught(effects) == [("click", "i1", 1.0), ("purchase", "i1", 1.0)]
    assert [row["row"] for row in examples_of(effects)] == [0, 1]


def test_each_task_has_its_negatives_when_its_own_window_is_over(stream):
    stream.run(impression(0), said(1, "click"), now=0.0)
    assert taught(silent(stream, SHORT_S - 1), "impressions") == []
    assert taught(silent(stream, SHORT_S), "impressions") == [("click", "i2", 0.0)]
    assert taught(silent(stream, LONG_S - 1), "impressions") == []
    effects = silent(stream, LONG_S)
    assert taught(effects, "impressions") == [("purchase", "i1", 0.0), ("purchase", "i2", 0.0)]
    assert stream.memory.join.open_windows == {} and stream.memory.join.size_bytes == 0


def test_a_number_is_in_its_unit_and_has_no_negatives(stream):
    effects = stream.run(impression(0), said(1, "rating", value=4.0), now=0.0)
    assert taught(effects) == [("stars", "i1", 0.8)]
    closed = taught(silent(stream, LONG_S), "impressions")
    assert {task for task, _, _ in closed} == {"click", "purchase"}


def test_a_class_is_the_first_answer_and_that_of_no_answer_comes_at_the_windows_end(
    stream, monkeypatch
):
    classes = {"left": ("skip",), "nothing": (), "liked": ("like",), "bought": ("purchase",)}
    end = LabelTask("end", Task(kind="multiclass", classes=classes))
    monkeypatch.setattr(labels, "TASKS", (*labels.TASKS[:1], end))
    stream = MemoryStream(join_window_s=SHORT_S, allowed_lateness_s=0.0, sampled_negatives=2)
    effects = stream.run(impression(0), said(1, "like"), said(2, "purchase"), now=0.0)
    assert taught(effects) == [("end", "i1", 2.0), ("click", "i1", 1.0)]
    closed = taught(silent(stream, SHORT_S), "impressions")
    assert closed == [("click", "i2", 0.0), ("end", "i2", 1.0)]


def test_feedback_after_the_window_of_one_task_teaches_the_others_and_is_counted(stream):
    stream.run(impression(0))
    effects = stream.run(said(SHORT_S + 1, "purchase"))
    assert taught(effects) == [("purchase", "i1", 1.0)]
    assert effects.late == {"click": 1}
    assert effects.counts["interactions", "joined"] == 1


def test_rows_of_lists_say_in_which_lane_their_positions_grow(stream):
    stream.run(impression(0), now=0.0)
    effects = silent(stream, LONG_S)
    tables = [decode_table(m.value) for m in messages(effects) if m.topic.name == "examples"]
    told = [(metadata_of(table), table["task"].to_pylist()) for table in tables]
    lanes = {m["source_lane"]: {*t} for m, t in told if m["source_topic"] == "impressions"}
    assert lanes == {"1m": {"click"}, "10m": {"purchase"}}


def test_what_a_list_has_closed_is_not_closed_again_after_a_restart(stream):
    stream.run(impression(0), said(1, "click"), now=0.0)
    silent(stream, SHORT_S)
    join = stream.memory.join
    join.restore(dict(join.open_windows), {k: list(v) for k, v in join.attributed.items()}, 0.0)
    effects = silent(stream, LONG_S)
    assert taught(effects, "impressions") == [("purchase", "i1", 0.0), ("purchase", "i2", 0.0)]


def test_a_list_that_makes_room_ends_for_every_task_at_once(stream):
    stream.memory.join.memory_bytes = 1
    effects = stream.run(impression(0), impression(1, "r2"))
    assert taught(effects, "impressions") == [
        (task, item, 0.0) for task in ("click", "purchase") for item in ("i1", "i2")
    ]
    assert effects.closed == {"memory": 1}


def test_feedback_before_its_list_is_used_once_for_each_task(stream):
    stream.run(said(1, "click"))
    effects = stream.run(impression(0), said(2, "click"), said(3, "purchase"))
    assert taught(effects) == [("purchase", "i1", 1.0)]


def test_an_event_without_a_list_teaches_each_of_its_tasks_with_the_same_negatives():
    stream = MemoryStream(sampled_negatives=1)
    stream.run(interaction(0, "u2", "i2", kind="view"))
    rows = examples_of(stream.run(interaction(1, kind="purchase"), interaction(2, kind="click")))
    assert [(r["task"], r["item_id"], r["label"], r["origin"]) for r in rows] == [
        ("click", "i1", 1.0, "organic"),
        ("click", "i2", 0.0, "sampled"),
        ("purchase", "i1", 1.0, "organic"),
        ("purchase", "i2", 0.0, "sampled"),
        ("click", "i1", 1.0, "organic"),
        ("click", "i2", 0.0, "sampled"),
    ]
    assert rows[0]["user_id"] == rows[3]["user_id"] == "u1"
    assert rows[0]["source_offset"] == rows[3]["source_offset"] != rows[4]["source_offset"]


def test_an_event_that_teaches_no_task_is_no_example(stream):
    effects = stream.run(interaction(1, kind="dislike"))
    assert taught(effects) == [] and effects.counts["interactions", "unlabelled"] == 1


# Corrections.


@pytest.fixture
def corrected(monkeypatch):
    """Purchases are awaited for a minute, and correct for ten what was a negative by then."""
    task = Task(positives=("purchase",), negatives=("dislike",), window=60.0, corrected_for=LONG_S)
    monkeypatch.setattr(labels, "TASKS", (LabelTask("purchase", task),))
    return MemoryStream(join_window_s=5.0, allowed_lateness_s=0.0, sampled_negatives=0)


def test_a_late_positive_corrects_what_was_taken_for_a_negative_once(corrected):
    corrected.run(impression(0), said(1, "purchase"), now=0.0)
    assert taught(silent(corrected, 60.0), "impressions") == [("purchase", "i2", 0.0)]
    late = corrected.run(said(100, "purchase", "i2"), said(101, "purchase", "i2"), now=66.0)
    assert taught(late) == [("purchase", "i2", 1.0)]
    assert [row["origin"] for row in examples_of(late)] == ["corrected"]
    assert taught(silent(corrected, LONG_S), "impressions") == []
    assert corrected.memory.join.open_windows == {}


def test_a_late_negative_is_not_taken_for_one_twice(corrected):
    corrected.run(impression(0), now=0.0)
    silent(corrected, 60.0)
    assert taught(corrected.run(said(100, "dislike"), now=66.0)) == []
    assert taught(corrected.run(said(101, "purchase"), now=66.0)) == [("purchase", "i1", 1.0)]


def test_what_comes_after_the_correction_is_over_stands_for_itself(corrected):
    corrected.run(impression(0), now=0.0)
    silent(corrected, LONG_S)
    effects = corrected.run(said(LONG_S + 1, "purchase"))
    assert [row["origin"] for row in examples_of(effects)] == ["organic"]
