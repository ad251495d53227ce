"""Parts of added features, made from the log, put into entities that were stored without them.

A stored entity is a base state and the updates since (`features/history.py`). What was made from
the log is another one of the same events. Both are moved on to the same base; then the stored one
gets the parts of the added features, and the updates what the added features ask of them. The
others' values are not touched, and none is made anew.
"""

from collections.abc import Collection, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from features.entity_rule import EntityRule, fingerprint
from features.families.family import States
from features.history import History, replay
from features.update import Update
from stream.state.earlier_layout import stored_entity
from stream.state.entities import Item, User, items_bytes, items_from, users_bytes, users_from

E = TypeVar("E", User, Item)


def wanted_keys(rule: EntityRule, features: Collection[str]) -> list[str]:
    """Keys of the stored parts that features have; those without a state have none.

    Who was counted last by counts of people is a part of its own, which all of them share.
    """
    own = [key for block in rule.blocks for key in block.keys if key.split(" ")[0] in features]
    voters = f"{rule.entity}_voters"
    shared = [key for block in rule.blocks for key in block.keys if key.split(" ")[0] == voters]
    return [*own, *shared] if own else []


def lacks(stored: bytes, keys: Collection[str]) -> bool:
    """Return whether an entity was stored without one of the parts `keys`."""
    return bool(_missing(stored, keys))


def _missing(stored: bytes, keys: Collection[str]) -> set[str]:
    found = stored_entity(stored)
    there = {*found.numbers, *(kept.number for kept in found.kept)}
    return {key for key in keys if fingerprint(key) not in there}


def spliced(
    rule: EntityRule, stored: Sequence[bytes], made: Sequence[bytes], keys: Collection[str]
) -> list[bytes]:
    """The stored entities with what they lack of the parts `keys`, as it was made from the log.

    Args:
        made: the same entities, of the same events as far as the log reaches.
    """
    missing = [_missing(each, keys) for each in stored]
    if rule.entity == "user":
        users, others = users_from(stored, rule), users_from(made, rule)
        _align(rule, stored, users, others)
        _splice(rule, users, users_bytes(others, rule), missing)
        return users_bytes(users, rule)
    items, same = items_from(stored, rule), items_from(made, rule)
    _align(rule, stored, items, same)
    _splice(rule, items, items_bytes(same, rule), missing)
    return items_bytes(items, rule)


def _align(
    rule: EntityRule, stored: Sequence[bytes], entities: Sequence[E], made: Sequence[E]
) -> None:
    """Bring both to the same base, and the updates to what the features ask of them."""
    names = list(rule.needs.lists)
    for each, one, other in zip(stored, entities, made, strict=True):
        _move_on(one.history, other.history.base.time)
        _move_on(other.history, one.history.base.time)
        known = {(update.time, update.order): update for update in other.history.updates}
        had = [name in stored_entity(each).lists for name in names]
        one.history.updates = [
            _completed(update, known.get((update.time, update.order)), had)
            for update in one.history.updates
        ]


def _completed(update: Update, made: Update | None, had: Sequence[bool]) -> Update:
    """An update with what was not stored of it.

    Args:
        made: the same from the log, if that has it.
        had: of each list whether it was stored.
    """
    if made is None:
        return update
    lists = update.lists
    if not all(had):
        own = zip(had, update.lists, made.lists, strict=True)
        lists = tuple(stored if was else new for was, stored, new in own)
    if update.kind is None:
        return msgspec.structs.replace(made, lists=lists)
    return msgspec.structs.replace(update, lists=lists)


def _splice(
    rule: EntityRule, entities: Sequence[E], made: Sequence[bytes], missing: Sequence[set[str]]
) -> None:
    """Put the missing parts into the bases, and compute the states after them."""
    histories = [entity.history for entity in entities]
    bases, others = rule.states_of([each.base for each in histories]), map(stored_entity, made)
    values = bases.values.copy()
    for row, (other, lacking) in enumerate(zip(others, missing, strict=True)):
        parts, one = dict(zip(other.numbers, other.parts, strict=True)), values[row : row + 1]
        age_s = np.maximum(bases.times[row : row + 1] - other.time, 0.0)
        for number in map(fingerprint, lacking):
            block, part = rule.parts[number]
            block.unpack(one, part, [parts[number]])
            block.age(one, part, age_s)
    for history, base in zip(histories, rule.each_of(States(bases.times, values)), strict=True):
        history.base = base
    replay(rule, histories, [0] * len(histories))


def _move_on(history: History, time_s: float) -> None:
    """Forget the updates up to `time_s`: the base is the state after them."""
    count = sum(update.time <= time_s for update in history.updates)
    if count:
        history.base = history.states[count - 1]
        del history.updates[:count], history.states[:count]
