"""An added feature is as if it had always been there, where the log reaches; else its default."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features.entity_rule import EntityRule
from features.feature import Entity
from features.spec import DECLARED
from stream.history.engine import Engine
from stream.history.outcome import Outcome
from stream.history.splice import lacks, spliced, wanted_keys
from stream.ingest.records import EventRecord
from stream.state.entities import items_bytes, items_from, users_bytes, users_from
from stream.state.memory import Rules
from tests.unit.stream.history.test_engine import log, streamed

RULES: dict[Entity, EntityRule] = {side: EntityRule(side, DECLARED) for side in ("user", "item")}
_FROM: dict[Entity, Callable[..., Any]] = {"user": users_from, "item": items_from}
_BYTES: dict[Entity, Callable[..., Any]] = {"user": users_bytes, "item": items_bytes}


def made(folder: Path, records: Sequence[EventRecord]) -> Outcome:
    """The log by bucket, in two runs of which the second goes on from the first."""
    half = len(records) // 2
    first = Engine(folder / "first", Rules(), "first", buckets=2).run(lambda: records[:half])
    again = Engine(folder / "rest", Rules(), "rest", buckets=2, before=first)
    return again.run(lambda: records[half:])


def loaded(side: Entity, stored: Sequence[bytes]) -> list[Any]:
    """Users or items from what is stored."""
    found: list[Any] = _FROM[side](stored, RULES[side])
    return found


def stored_bytes(side: Entity, entity: Any) -> bytes:
    """A user or an item as it is stored."""
    found: bytes = _BYTES[side]([entity], RULES[side])[0]
    return found


def stored_without(side: Entity, entity: Any, name: str) -> bytes:
    """The entity as a worker has stored it that did not know a feature, nor asked for it."""
    before = EntityRule(side, [feature for feature in DECLARED if feature.name != name])
    (known,) = _FROM[side]([stored_bytes(side, entity)], before)
    found: bytes = _BYTES[side]([replace(known, kept=())], before)[0]
    return found


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Outcome]:
    records = log(6)
    return streamed(records, 40)[0].memory, made(tmp_path_factory.mktemp("runs"), records)


@pytest.mark.parametrize("side", ["user", "item"])
def test_an_added_feature_is_as_if_it_had_always_been_there(
    day: tuple[Any, Outcome], side: Entity
) -> None:
    memory, outcome = day
    rule, from_log = RULES[side], dict(outcome.entities(side))
    entities = memory.users if side == "user" else memory.items
    tried = 0
    for feature in DECLARED:
        keys = wanted_keys(rule, [feature.name])
        if feature.view.entity != side or not keys:
            continue
        tried += 1
        for name, whole in from_log.items():
            stored = stored_without(side, entities[name], feature.name)
            assert lacks(stored, keys)
            (found,) = spliced(rule, [stored], [whole], keys)
            assert not lacks(found, keys)
            was, now = loaded(side, [stored_bytes(side, entities[name]), found])
            assert now.history.base == was.history.base
            assert now.history.states == was.history.states
            assert (now.versions, now.kept) == (was.versions, was.kept)
    assert tried > 2


def test_other_features_keep_what_they_have_where_the_log_does_not_reach(
    day: tuple[Any, Outcome], tmp_path: Path
) -> None:
    memory, _ = day
    newest = log(6)[-40:]
    part = Engine(tmp_path / "part", Rules(), "part", buckets=1).run(lambda: newest)
    name = next(f.name for f in DECLARED if f.name.startswith("user_events"))
    rule, keys = RULES["user"], wanted_keys(RULES["user"], [name])
    for user, whole in part.entities("user"):
        stored = stored_without("user", memory.users[user], name)
        (found,) = users_from(spliced(rule, [stored], [whole], keys), rule)
        was, (short,) = memory.users[user], users_from([whole], rule)
        states = rule.states_of([found.history.newest, was.history.newest, short.history.newest])
        values = rule.arrow(states)
        for column, rows in values.items():
            mended, had, of_part = rows.to_pylist()
            assert mended == (of_part if column == name else had)
