"""Entities that move in rounds, and those that go through their histories turn by turn."""

from random import Random

import pytest

from features.history import MAX_UPDATES
from stream.processing import advance as transitions
from tests.support.stream_cases import (
    MemoryStream,
    event_entry,
    examples_of,
    feature_rows_of,
    interaction,
    item_upsert,
)

ITEMS = [f"i{n}" for n in range(12)]
VIEWS = ("user_stats", "item_stats")


def events(seed, count, step_s, disorder_s):
    """Clicks and views of a few people, out of order by up to `disorder_s`."""
    random = Random(seed)
    return [
        interaction(
            round(n * step_s - random.random() * disorder_s, 1),
            f"u{random.randrange(5)}",
            random.choice(ITEMS),
            kind=random.choice(["click", "view", "skip"]),
            event_id=f"e{n}",
        )
        for n in range(count)
    ]


def outcome(batches):
    stream = MemoryStream(sampled_negatives=2, allowed_lateness_s=5.0)
    stream.run(*(item_upsert(-99, item, categories=[f"c{item[-1]}", "all"]) for item in ITEMS))
    effects = [stream.run(*batch) for batch in batches]
    return {
        "examples": [row for each in effects for row in examples_of(each)],
        "rows": [row for each in effects for view in VIEWS for row in feature_rows_of(each, view)],
        "counts": [each.counts for each in effects],
        "filters": [each.state.filters for each in effects],
        "users": [each.state.users for each in effects],
        "items": [each.state.items for each in effects],
    }


@pytest.mark.parametrize(
    ("step_s", "disorder_s"),
    [(1.0, 0.0), (0.04, 0.0), (0.5, 3.0), (0.2, 20.0)],
    ids=["in order", "many at the same time", "late", "too late"],
)
def test_rounds_are_a_faster_way_to_the_same_outcome(step_s, disorder_s, monkeypatch):
    given = events(1, 160, step_s, disorder_s)
    batches = [given[start : start + 40] for start in range(0, len(given), 40)]
    in_rounds = outcome(batches)
    monkeypatch.setattr(transitions, "_in_order", lambda histories, newest, *_: newest < -1.0)
    assert outcome(batches) == in_rounds


def test_more_events_of_one_instant_than_a_history_keeps_are_no_exception(monkeypatch):
    given = [interaction(0, item=f"i{n % 30}", event_id=f"e{n}") for n in range(MAX_UPDATES + 9)]
    given.sort(key=lambda event: event_entry(event).fingerprint)
    in_rounds = outcome([given[:50], given[50:]])
    assert in_rounds["counts"][1]["interactions", "late"] == 8
    monkeypatch.setattr(transitions, "_in_order", lambda histories, newest, *_: newest < -1.0)
    assert outcome([given[:50], given[50:]]) == in_rounds


def test_the_size_of_a_batch_changes_no_example():
    given = events(2, 120, 0.7, 0.0)
    alone, together = outcome([[each] for each in given]), outcome([given])
    changing = ("source_offset", "published_at")
    for one, other in zip(alone["examples"], together["examples"], strict=True):
        assert {k: v for k, v in one.items() if k not in changing} == {
            k: v for k, v in other.items() if k not in changing
        }
