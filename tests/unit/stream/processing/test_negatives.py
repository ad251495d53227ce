"""Sampled negatives: what is logged of a draw is true of it, and batches do not matter."""

from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.interner import ITEMS, NOTHING
from millstream.events import Event
from stream.state.recent_positives import KEPT, RecentPositives
from tests.support.stream_cases import MemoryStream, entry, examples_of, interaction, item_upsert


def sampled(rows):
    return [row for row in rows if row["sampled_probability"] < 1.0]


def growing_log(random: Random, count: int) -> list[Event]:
    """People meet a few of many items; new ones are announced, hidden and clicked all the time."""
    events: list[Event] = []
    for n in range(count):
        item = f"i{random.randrange(3 + n // 2)}"
        if random.random() < 0.2:
            events.append(item_upsert(n, item, hidden=random.random() < 0.3, event_id=f"e{n}"))
        else:
            user = f"u{random.randrange(3)}"
            events.append(interaction(n, user, item, event_id=f"e{n}"))
    return events


UNIFORM = {"uniform": 1.0}
MIXED = {"uniform": 0.4, "popular": 0.3, "followers": 0.3}


def rows_of(events: list[Event], batches: list[int], shares: dict[str, float]) -> list[tuple]:
    """The rows of the events' draws when they are read in batches of these sizes."""
    stream = MemoryStream(sampled_negatives=2, negative_shares=shares)
    offsets, rows = Counter(), []
    entries = []
    for event in events:
        topic = type(event)
        entries.append(entry(event, 0, offsets[topic]))
        offsets[topic] += 1
    while entries:
        size = batches.pop(0) if batches else 1
        rows += examples_of(stream.run_entries(entries[:size]))
        entries = entries[size:]
    names = "event_id", "row", "item_id", "sampled_probability", "oversampling"
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize("shares", [UNIFORM, MIXED])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), batches=st.lists(st.integers(1, 40), max_size=40))
def test_draws_and_their_probabilities_do_not_depend_on_where_batches_begin(shares, seed, batches):
    events = growing_log(Random(seed), 50)
    assert rows_of(events, batches, shares) == rows_of(events, [], shares)


def planted(clicks: int) -> list[Event]:
    """People meet `a`, then `b` or `c`; some meet `d` alone. Six more items are never met."""
    events: list[Event] = []
    for n in range(clicks):
        at, user = 10 * n, f"u{n}"
        events.append(interaction(at, user, "d" if n % 4 == 0 else "a", event_id=f"x{n}"))
        if n % 4:
            events.append(interaction(at + 5, user, "bbc"[n % 3], event_id=f"y{n}"))
    return events


def test_items_of_a_mixture_are_drawn_as_often_as_their_logged_probabilities_say():
    stream = MemoryStream(sampled_negatives=1, negative_shares=MIXED)
    stream.run(*(item_upsert(0, f"{n}", hidden=n == 0) for n in range(6)), *planted(400))
    ask = [interaction(90_000 + n, f"v{n // 2}", "a" if n % 2 == 0 else "5") for n in range(4_000)]
    rows = [r for r in examples_of(stream.run(*ask)) if int(r["event_time"]) % 2 == 1]
    asked = sampled(rows)  # by people who have just met `a`
    drawn = Counter(row["item_id"] for row in asked)
    assert drawn.keys() == {"b", "c", "d", "1", "2", "3", "4"}
    for item in drawn:  # each draw of it stands for 1 / p draws: together they are all of them
        odds = [1 / row["sampled_probability"] for row in asked if row["item_id"] == item]
        assert sum(odds) == pytest.approx(len(asked), abs=5 * (max(odds) * len(asked)) ** 0.5)
    uniform = 1 / len(drawn)
    for row in asked:
        assert row["oversampling"] == pytest.approx(row["sampled_probability"] / uniform, rel=1e-5)
        assert row["oversampling"] >= 0.4 * len(drawn) / 10  # the uniform part alone gives it
    assert drawn["b"] > drawn["c"] > drawn["1"]


def test_an_own_item_says_how_likely_its_draw_had_been():
    """Half of all draws follow `a`, after which everybody met `b`: it would be drawn often."""
    stream = MemoryStream(sampled_negatives=1, negative_shares={"uniform": 0.5, "followers": 0.5})
    stream.run(*(item_upsert(0, f"{n}") for n in range(8)))
    events = [interaction(10 * n, f"u{n // 2}", "ab"[n % 2]) for n in range(200)]
    rows = examples_of(stream.run(*events))
    own = [r for r in rows if r["origin"] == "organic" and r["item_id"] == "b"][-1]
    # Ten items are known. Own item and `a` may not be drawn: 8 are left.
    assert own["sampled_probability"] == 1.0
    q = 0.5 / 10 + 0.5
    rest = 1 - (q + 0.5 / 10)
    assert own["oversampling"] == pytest.approx(q / rest * 8, rel=1e-5)


def test_recent_positives_survive_the_store_and_forget_the_oldest():
    recent, again = RecentPositives(), RecentPositives()
    items = np.array(ITEMS.numbers([f"i{n}" for n in range(KEPT + 3)]), np.int32)
    recent.add(np.append(NOTHING, items[:2]), items[1:4])
    again.restore(recent.take_unsaved())
    assert (again.before.tolist(), again.items.tolist()) == ([0, *items[:2]], [*items[1:4]])
    assert recent.take_unsaved() == []
    recent.add(items[:KEPT], items[3:])
    again.restore(recent.take_unsaved())
    assert again.items.tolist() == recent.items.tolist() == items[3:].tolist()
