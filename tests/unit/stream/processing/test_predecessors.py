"""An item's predecessors: what its users had met right before they met it."""

from collections import defaultdict
from functools import partial
from random import Random

import pytest

from features.entity_rule import EntityRule
from features.families import Affinity
from features.history import History
from features.spec import BY_NAME, DECLARED, ITEM_STATS, RECENT
from stream.processing import item_stage, user_stage
from stream.state import changes
from stream.state.entities import Item, items_bytes, items_from
from tests.support import stream_cases
from tests.support.plain_features import columns
from tests.support.stream_cases import START, MemoryStream, interaction

HALF_LIFE_S = 100.0
DEPTH = 3
BEFORE = Affinity(
    "item_before", ITEM_STATS, to="user_recent_items", half_life_s=HALF_LIFE_S, depth=DEPTH, top=12
)
RULE = EntityRule("item", (*DECLARED, BEFORE))


@pytest.fixture
def stream(monkeypatch):
    """A stream whose items have predecessors."""
    monkeypatch.setattr(user_stage, "ITEM_RULE", RULE)
    monkeypatch.setattr(item_stage, "ITEM_RULE", RULE)
    monkeypatch.setattr(changes, "items_bytes", partial(items_bytes, rule=RULE))
    monkeypatch.setattr(stream_cases, "Item", lambda: Item(History(RULE.empty)))
    return MemoryStream(allowed_lateness_s=10.0)


def before_of(stream, item):
    row = columns(RULE, stream.memory.items[item].history)
    return dict(zip(row["item_before"], row["item_before_events"], strict=True))


def test_predecessors_are_what_each_user_had_met_before_the_event_s_own_time(stream):
    random = Random(1)
    given = [
        interaction(n // 3, f"u{random.randrange(3)}", f"i{random.randrange(8)}", event_id=f"e{n}")
        for n in range(90)
    ]
    for start in range(0, len(given), 31):
        stream.run(*given[start : start + 31])
    wanted, newest = defaultdict(lambda: defaultdict(float)), {}
    for event in given:
        past = [e for e in given if e.user_id == event.user_id and e.event_time < event.event_time]
        newest[event.item_id] = max(e.event_time for e in given if e.item_id == event.item_id)
        left = 2.0 ** (-(newest[event.item_id] - event.event_time) / HALF_LIFE_S)
        instants = sorted({e.event_time for e in past}, reverse=True)
        recent = _recent(stream, past, instants)
        for item in recent[:DEPTH]:
            wanted[event.item_id][item] += left
    assert len(wanted) == 8 < (BY_NAME[RECENT].length or 0)
    for item, sums in wanted.items():
        assert before_of(stream, item) == pytest.approx(dict(sums), rel=1e-5)


def _recent(stream, past, instants):
    """Items of past events, the newest first; of one instant the later fingerprint first."""
    ordered = [
        event
        for instant in instants
        for event in sorted(
            (e for e in past if e.event_time == instant),
            key=lambda e: stream_cases.event_entry(e).fingerprint,
            reverse=True,
        )
    ]
    return list(dict.fromkeys(event.item_id for event in ordered))


def test_a_late_event_has_the_predecessors_of_its_own_time(stream):
    stream.run(interaction(0, item="a"), interaction(5, item="b"))
    stream.run(interaction(3, item="c"))
    assert before_of(stream, "b") == {"a": 1.0}
    assert before_of(stream, "c") == {"a": 1.0}


def test_what_is_too_late_has_no_predecessors_but_counts(stream):
    stream.run(interaction(0, item="a"), interaction(1, item="b"), interaction(50, item="b"))
    stream.run(interaction(0.5, item="c"))
    assert before_of(stream, "c") == {}
    assert columns(RULE, stream.memory.items["c"].history)["item_updated_at"] == START + 0.5


def test_predecessors_survive_the_store(stream):
    effects = stream.run(*(interaction(n, item=f"i{n % 4}", event_id=f"e{n}") for n in range(9)))
    for item, stored in effects.state.items.items():
        assert items_from([stored], RULE) == [stream.memory.items[item]]
