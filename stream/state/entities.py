"""Users and items as the stream knows them: in memory, and as bytes in the store.

A history is stored as its base state and the updates since; the states between are computed anew
when it is loaded, by the same steps, so that nothing changes by going to the store and back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec
import pyarrow as pa

from features.attributes import Versions
from features.history import Update, restored
from features.spec import spec_hash
from features.state import (
    ITEM_RULE,
    USER_RULE,
    USER_VALUES,
    ItemHistory,
    ItemState,
    UserHistory,
    new_item,
    new_user,
    states_of,
)
from features.stores.binary import joined
from stream.state.serialization import packed_users, user_state


@dataclass(slots=True)
class User:
    """One user; `entries` counts what went into the seen filters."""

    history: UserHistory = field(default_factory=new_user)
    versions: Versions = ()
    entries: int = 0


@dataclass(slots=True)
class Item:
    """One item."""

    history: ItemHistory = field(default_factory=new_item)
    versions: Versions = ()


class _Stored(msgspec.Struct, array_like=True, gc=False):
    """Stored entity; `base` and `updates` stay undecoded until `spec` is known to match.

    Args:
        spec: of the features, and the layout of states and updates.
    """

    spec: str
    base: msgspec.Raw
    updates: msgspec.Raw
    versions: Versions
    entries: int = 0


_ENCODE = msgspec.msgpack.Encoder().encode
_STORED = msgspec.msgpack.Decoder(_Stored)
_UPDATES = msgspec.msgpack.Decoder(list[Update])
_ITEM_STATE = msgspec.msgpack.Decoder(ItemState)
# Counts are stored in the order of the spec, and as bytes: others would be misread.
_SPEC = f"{spec_hash()}:4"
# What begins a msgpack array of few entries: one byte.
_FIVE, _FOUR = b"\x95", b"\x94"


def users_bytes(users: Sequence[User]) -> list[bytes]:
    """Users for the store."""
    rest = [_ENCODE((user.history.updates, user.versions, user.entries))[1:] for user in users]
    states = states_of([user.history.base for user in users], USER_VALUES)
    return _stored(_FIVE, packed_users(states), rest)


def items_bytes(items: Sequence[Item]) -> list[bytes]:
    """Items for the store."""
    rest = [_ENCODE((item.history.updates, item.versions))[1:] for item in items]
    states = [_ENCODE(item.history.base) for item in items]
    return _stored(_FOUR, pa.array(states, pa.binary()), rest)


def user_from(stored: bytes | None) -> User:
    """A user from the store; a new one where there is none, or none of this spec."""
    if stored is None:
        return User()
    kept = _STORED.decode(stored)
    if kept.spec != _SPEC:
        return User(versions=kept.versions, entries=kept.entries)
    base, updates = user_state(kept.base), _UPDATES.decode(kept.updates)
    return User(restored(base, updates, USER_RULE), kept.versions, kept.entries)


def item_from(stored: bytes | None) -> Item:
    """An item from the store; a new one where there is none, or none of this spec."""
    if stored is None:
        return Item()
    kept = _STORED.decode(stored)
    if kept.spec != _SPEC:
        return Item(versions=kept.versions)
    base, updates = _ITEM_STATE.decode(kept.base), _UPDATES.decode(kept.updates)
    return Item(restored(base, updates, ITEM_RULE), kept.versions)


def _stored(begin: bytes, states: pa.BinaryArray, rest: list[bytes]) -> list[bytes]:
    """Splice packed states into the msgpack of each `_Stored`."""
    return joined(begin + _ENCODE(_SPEC), states, pa.array(rest, pa.binary())).to_pylist()


T = TypeVar("T")


class Cache(Generic[T]):
    """Entities in memory by id, at most `capacity`; what was not used lately is forgotten.

    Those in use are in the young half. When that is full, the old half is forgotten, and the young
    one takes its place: an order of use by halves, at the price of a lookup.
    """

    def __init__(self, capacity: int) -> None:
        self._half = max(capacity // 2, 1)
        self._young: dict[str, T] = {}
        self._old: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def __getitem__(self, key: str) -> T:
        entity = self._young.get(key)
        if entity is None:
            entity = self._young[key] = self._old.pop(key)
        return entity

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Those of `keys` that have to be loaded, each once."""
        young, old = self._young, self._old
        return [key for key in dict.fromkeys(keys) if key not in young and key not in old]

    def put(self, key: str, entity: T) -> None:
        """Keep an entity that was loaded."""
        self._young[key] = entity

    def clear(self) -> None:
        """Forget all; only between batches, when all is stored."""
        self._young, self._old = {}, {}

    def shrink(self) -> None:
        """Forget what is beyond the capacity; only between batches, when all is stored."""
        if len(self._young) > self._half:
            self._old, self._young = self._young, {}
