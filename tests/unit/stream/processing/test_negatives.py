"""Sampled negatives: what is logged of a draw is true of it, and batches do not matter."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.events import Event
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


def rows_of(events: list[Event], batches: list[int]) -> list[tuple]:
    """The sampled rows of the events when they are read in batches of these sizes."""
    stream, offsets, rows = MemoryStream(sampled_negatives=2), Counter(), []
    entries = []
    for event in events:
        topic = type(event)
        entries.append(entry(event, 0, offsets[topic]))
        offsets[topic] += 1
    while entries:
        size = batches.pop(0) if batches else 1
        rows += examples_of(stream.run_entries(entries[:size]))
        entries = entries[size:]
    return [(r["event_id"], r["row"], r["item_id"], r["sampled_probability"]) for r in rows]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 40), max_size=40))
def test_draws_and_their_probabilities_do_not_depend_on_where_batches_begin(seed, batches):
    events = growing_log(Random(seed), 50)
    assert rows_of(events, batches) == rows_of(events, [])


def test_an_item_is_drawn_as_often_as_its_logged_probability_says():
    """Half of a catalogue becomes known in the very batch that draws from it."""
    stream = MemoryStream(sampled_negatives=1)
    stream.run(*(item_upsert(0, f"i{n}", hidden=n == 2) for n in range(7)))
    born = [interaction(1, "u", f"new{n}", kind="view") for n in range(6)]
    clicks = [interaction(2 + n, f"v{n}", "i0") for n in range(3_000)]
    rows = sampled(examples_of(stream.run(*born, *clicks)))
    # Known: i0 (the clicks' own), i2 (hidden), five others, and the six that came on the way.
    items = {"i1", *(f"i{n}" for n in range(3, 7)), *(f"new{n}" for n in range(6))}
    (probability,) = {row["sampled_probability"] for row in rows}
    assert probability == pytest.approx(1 / len(items))
    drawn = Counter(row["item_id"] for row in rows)
    assert drawn.keys() == items
    expected = len(rows) / len(items)
    chi_square = sum((count - expected) ** 2 / expected for count in drawn.values())
    assert chi_square < 29.6  # 10 degrees, p = 0.001


def test_those_who_come_before_an_item_cannot_draw_it():
    stream = MemoryStream(sampled_negatives=1)
    stream.run(*(item_upsert(0, f"i{n}") for n in range(3)))
    clicks = [interaction(2 + n, f"v{n}", "i0") for n in range(300)]
    rows = sampled(examples_of(stream.run(*clicks, interaction(900, "u", "new", kind="view"))))
    assert {row["item_id"] for row in rows} == {"i1", "i2"}
    assert {row["sampled_probability"] for row in rows} == {0.5}
