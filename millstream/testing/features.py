"""Contract of a feature family."""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import numpy as np

from features.entity_rule import EntityRule
from features.families import Family, UpdatedAt
from features.families.family import States
from features.feature import Entity
from features.history import transitions
from features.rounds import Rounds
from features.spec import ITEM_STATS, USER_STATS
from features.stores.binary import joined
from features.update import Update, columns_of
from millstream.domain import domain

_ENTITIES, _EVENTS = 3, 40
_START_S = 1_700_000_000.0
_ARRAY16 = b"\xdc"


def feature_contract(family: type[Family], entity: Entity = "user", **options: Any) -> None:
    """Check that a family does what stream, back-fill and serving need of it.

    Its columns begin with its name. An entity without events has the defaults. Values are finite
    and depend neither on how events are cut into batches, nor on those of other entities. What is
    stored is read back as it was.

    Args:
        family: of the project, with the kinds of its domain.
        entity: whose feature it is.
        options: that the domain file makes it with.

    Raises:
        AssertionError: it does not; the text says what.
    """
    view = USER_STATS if entity == "user" else ITEM_STATS
    name = f"{entity}_own"
    feature = family(name, view, **options)
    columns = [column.name for column in feature.columns()]
    assert columns, "A feature must have a column."
    assert all(column.startswith(name) for column in columns), (
        f"Columns must begin with {name!r}. Received: {columns}."
    )
    rule = EntityRule(entity, [UpdatedAt(f"{entity}_updated_at", view), feature])
    _check_defaults(rule, feature)
    updates, entity_of = _events(rule)
    whole = _moved(rule, updates, entity_of, [len(updates)])
    shown = _shown(rule, whole)
    assert shown == _shown(rule, _moved(rule, updates, entity_of, [1] * len(updates))), (
        "Values must not depend on how events are cut into batches."
    )
    own = [place for place, each in enumerate(entity_of) if each == 0]
    alone = _moved(rule, [updates[n] for n in own], [0] * len(own), [len(own)])
    assert shown[0] == _shown(rule, alone)[0], "Values must not depend on other entities' events."
    assert shown == _shown(rule, States(whole.times, _read_back(rule, whole.values))), (
        "What is stored must be read back as it was."
    )
    numbers = [value for row in shown for value in row.values() if isinstance(value, float)]
    assert np.isfinite(numbers).all(), f"Values must be finite. Received: {numbers}."


def _check_defaults(rule: EntityRule, feature: Family) -> None:
    (row,) = _shown(rule, rule.states_of([rule.empty]))
    for column in feature.columns():
        found, wanted = row.get(column.name), column.default
        assert found == wanted or (not found and not wanted), (
            f"{column.name!r} must be its default, {wanted!r}, before any event. "
            f"Received: {found!r}."
        )


def _events(rule: EntityRule) -> tuple[list[Update], list[int]]:
    """Events in time order, and which entity each is of; every kind of the domain occurs."""
    chance, kinds = Random(7), [*domain().kinds]
    updates = [
        Update(
            _START_S + 10.0 * n,
            n,
            chance.random() < 0.5,
            f"item-{chance.randrange(5)}",
            tuple((f"entry-{chance.randrange(4)}",) for _ in rule.needs.lists),
            chance.randrange(1, 9),
            kinds[n % len(kinds)],
            chance.choice([None, 0.0, 1.5, 400.0]),
        )
        for n in range(_EVENTS)
    ]
    return updates, [chance.randrange(_ENTITIES) for _ in updates]


def _moved(
    rule: EntityRule, updates: Sequence[Update], entity_of: Sequence[int], sizes: Sequence[int]
) -> States:
    """States after all events, given in batches of some sizes."""
    states, start = rule.states_of([rule.empty] * _ENTITIES), 0
    for size in sizes:
        part = slice(start, start := start + size)
        rounds = Rounds(np.asarray(entity_of[part], np.intp), _ENTITIES)
        moved = transitions(rule, states, rounds, columns_of(updates[part], rule.needs))
        states = moved.take(rounds.row_before(np.arange(_ENTITIES), np.full(_ENTITIES, size)))
    return states


def _shown(rule: EntityRule, states: States) -> list[dict[str, Any]]:
    """Columns of each entity."""
    columns = {name: column.to_pylist() for name, column in rule.arrow(states).items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _read_back(rule: EntityRule, values: np.ndarray) -> np.ndarray:
    """Values that went through the store's form."""
    head = _ARRAY16 + len(rule.parts).to_bytes(2, "big")
    stored = [msgspec.msgpack.decode(row) for row in joined(head, *rule.packed(values)).to_pylist()]
    found = np.zeros(len(values), rule.layout)
    for place, (block, part) in enumerate(rule.parts.values()):
        block.unpack(found, part, [row[place] for row in stored])
    return found
