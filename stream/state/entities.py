"""Users and items as the stream knows them: in memory, and as bytes in the store.

    [5, fingerprints, time, [part, ...], updates, versions, entries, kept, lists]

A history is stored as its base state and the updates since; the states between are computed anew
when it is loaded, by the same steps, so that nothing changes by going to the store and back. The
base is stored in parts (`features.families.family.Block.keys`), one a feature: a list of features
that differs by one loses only that one. A part that no feature of the list knows is kept as it is,
with its time, until `pruned`; when its feature comes back it goes on from there.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from features.attributes import Versions
from features.entity_rule import ITEM_RULE, USER_RULE, EntityRule, State
from features.families.family import States
from features.history import History, replay
from features.stores.binary import fixed, joined
from stream.state.earlier_layout import LAYOUT, Kept, StoredEntity, stored_entity


@dataclass(slots=True)
class User:
    """One user.

    Args:
        versions: of the attributes.
        entries: how many went into the seen filters.
        kept: parts of states that no feature knows.
    """

    history: History = field(default_factory=partial(History, USER_RULE.empty))
    versions: Versions = ()
    entries: int = 0
    kept: tuple[Kept, ...] = ()


@dataclass(slots=True)
class Item:
    """One item; see `User`."""

    history: History = field(default_factory=partial(History, ITEM_RULE.empty))
    versions: Versions = ()
    kept: tuple[Kept, ...] = ()


E = TypeVar("E", User, Item)

_ENCODE = msgspec.msgpack.Encoder().encode
_FLOAT64, _ARRAY16, _ARRAY_OF_NINE = b"\xcb", b"\xdc", b"\x99"


def users_bytes(users: Sequence[User], rule: EntityRule = USER_RULE) -> list[bytes]:
    """Users for the store."""
    rest = [(user.history.updates, user.versions, user.entries, user.kept) for user in users]
    return _stored(rule, [user.history.base for user in users], rest)


def items_bytes(items: Sequence[Item], rule: EntityRule = ITEM_RULE) -> list[bytes]:
    """Items for the store."""
    rest = [(item.history.updates, item.versions, 0, item.kept) for item in items]
    return _stored(rule, [item.history.base for item in items], rest)


def users_from(stored: Sequence[bytes | None], rule: EntityRule = USER_RULE) -> list[User]:
    """Users from the store; a new one where there is none."""
    kept = [None if each is None else stored_entity(each) for each in stored]
    users = [User(History(rule.empty)) if k is None else User(entries=k.entries) for k in kept]
    return _filled(rule, users, kept)


def items_from(stored: Sequence[bytes | None], rule: EntityRule = ITEM_RULE) -> list[Item]:
    """Items from the store; a new one where there is none."""
    kept = [None if each is None else stored_entity(each) for each in stored]
    return _filled(rule, [Item(History(rule.empty)) for _ in kept], kept)


def item_copies(stored: Sequence[bytes | None]) -> list[Item]:
    """Items from the store with nothing but their attributes."""
    versions = [() if each is None else stored_entity(each).versions for each in stored]
    return [Item(History(ITEM_RULE.empty), each) for each in versions]


def pruned(stored: bytes, rule: EntityRule) -> bytes | None:
    """An entity without the parts that no feature knows; None where it has none of them."""
    found = stored_entity(stored)
    if not found.kept and all(number in rule.parts for number in found.numbers):
        return None
    if rule.entity == "user":
        user = users_from([stored], rule)[0]
        user.kept = ()
        return users_bytes([user], rule)[0]
    item = items_from([stored], rule)[0]
    item.kept = ()
    return items_bytes([item], rule)[0]


def _stored(rule: EntityRule, bases: list[State], rest: list[tuple[Any, ...]]) -> list[bytes]:
    states = rule.states_of(bases)
    numbers = np.array(list(rule.parts), "<u4").tobytes()
    begin = _ARRAY_OF_NINE + _ENCODE(LAYOUT) + _ENCODE(numbers) + _FLOAT64
    return joined(
        begin,
        fixed(states.times.astype(">f8")),
        _ARRAY16 + len(rule.parts).to_bytes(2, "big"),
        *rule.packed(states.values),
        pa.array([_ENCODE(each)[1:] for each in rest], pa.binary()),
        _ENCODE(list(rule.needs.lists)),
    ).to_pylist()


def _filled(rule: EntityRule, entities: list[E], stored: Sequence[StoredEntity | None]) -> list[E]:
    """Give entities what is stored of them."""
    pairs = [(e, kept) for e, kept in zip(entities, stored, strict=True) if kept is not None]
    if not pairs:
        return entities
    found = [kept for _, kept in pairs]
    states = States(np.array([kept.time for kept in found]), _values(rule, found))
    histories = []
    for (entity, kept), base in zip(pairs, rule.each_of(states), strict=True):
        entity.history = History(base, kept.updates_for(list(rule.needs.lists)))
        entity.versions = kept.versions
        entity.kept = tuple(part for part in kept.unknown(rule.parts))
        histories.append(entity.history)
    replay(rule, histories, [0] * len(histories))
    return entities


def _values(rule: EntityRule, stored: Sequence[StoredEntity]) -> np.ndarray:
    """(rows,) values as of the times of `stored`."""
    values = np.zeros(len(stored), rule.layout)
    alike: dict[bytes, list[int]] = defaultdict(list)
    for row, kept in enumerate(stored):
        alike[kept.fingerprints].append(row)
    for rows in alike.values():
        some = np.zeros(len(rows), rule.layout)
        for place, number in enumerate(stored[rows[0]].numbers):
            if number in rule.parts:
                block, part = rule.parts[number]
                block.unpack(some, part, [stored[row].parts[place] for row in rows])
        values[rows] = some
    for row, kept in enumerate(stored):
        for old in kept.kept:
            if old.number in rule.parts and old.number not in kept.numbers:
                block, part = rule.parts[old.number]
                one = values[row : row + 1]
                block.unpack(one, part, [old.part])
                block.age(one, part, np.array([kept.time - old.time]))
    return values
