"""Entities as they are read from the store, also those that an earlier version stored.

Until layout 5 a state was one row of numbers in the order of the features: it is readable only by
the list of that time, which is written down here.
"""

from collections.abc import Container, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from features.attributes import Versions
from features.entity_rule import fingerprint
from features.update import Update

LAYOUT = 5


class Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A part of a state that no feature of the list knows.

    Args:
        number: the fingerprint of its key.
        time: Unix seconds that it is as of.
        part: what `features.families.family.Block.packed` made.
    """

    number: int
    time: float
    part: Any


class StoredEntity(msgspec.Struct, array_like=True, gc=False):
    """A user or an item.

    Args:
        layout: `LAYOUT`.
        fingerprints: of the keys of the parts, 4 bytes each.
        time: of the base state.
        parts: of the base state.
        entries: of a user, how many went into the seen filters.
        kept: parts that no feature knew when it was stored.
        lists: names of the lists that the updates have, in their order.
    """

    layout: int
    fingerprints: bytes
    time: float
    parts: list[Any]
    updates: list[Update]
    versions: Versions
    entries: int = 0
    kept: list[Kept] = []
    lists: list[str] = []

    @property
    def numbers(self) -> list[int]:
        """The fingerprints."""
        return np.frombuffer(self.fingerprints, "<u4").tolist()

    def updates_for(self, lists: Sequence[str]) -> list[Update]:
        """The updates with `lists` in this order; what was not stored is empty."""
        if list(lists) == self.lists or not lists:
            return list(self.updates)
        places = [self.lists.index(name) if name in self.lists else None for name in lists]
        return [
            msgspec.structs.replace(
                update, lists=tuple(() if at is None else update.lists[at] for at in places)
            )
            for update in self.updates
        ]

    def unknown(self, known: Container[int]) -> Iterator[Kept]:
        """The parts that are not among `known`."""
        for number, part in zip(self.numbers, self.parts, strict=True):
            if number not in known:
                yield Kept(number, self.time, part)
        yield from (kept for kept in self.kept if kept.number not in known)


class _Earlier(msgspec.Struct, array_like=True, gc=False):
    """Layout 4; `base` and `updates` stay undecoded until `spec` is known."""

    spec: str
    base: msgspec.Raw
    updates: msgspec.Raw
    versions: Versions
    entries: int | None = None


class _EarlierUser(msgspec.Struct, array_like=True, gc=False):
    time: float
    counts: bytes
    strengths: bytes
    categories: tuple[str, ...]
    recent: tuple[str, ...]


class _EarlierItem(msgspec.Struct, array_like=True, gc=False):
    time: float
    values: bytes


class _EarlierUpdate(msgspec.Struct, array_like=True, gc=False):
    time: float
    order: int
    positive: bool
    item_id: str
    categories: tuple[str, ...]
    voter: int


_STORED = msgspec.msgpack.Decoder(StoredEntity)
_EARLIER = msgspec.msgpack.Decoder(_Earlier)
_USER = msgspec.msgpack.Decoder(_EarlierUser)
_ITEM = msgspec.msgpack.Decoder(_EarlierItem)
_UPDATES = msgspec.msgpack.Decoder(list[_EarlierUpdate])
_SPEC = "3d92a3b1e9ba:4"
_WINDOWS = {"1h": 3_600.0, "1d": 86_400.0, "30d": 2_592_000.0}
_COUNTS = [
    f"{{entity}}_{of}_{window} count 1 {of} {half_life_s}"
    for of in ("events", "positives")
    for window, half_life_s in _WINDOWS.items()
]
_USER_KEYS = [
    *(count.format(entity="user") for count in _COUNTS),
    "user_recent_items recent 1 ",
    "user_categories affinity 1 item_categories 2592000.0 all",
]
_ITEM_KEYS = [
    *(count.format(entity="item") for count in _COUNTS),
    "item_popularity count 1 people 604800.0",
    "item_popularity_30m count 1 people 1800.0",
    "item_voters 16",
]


def stored_entity(stored: bytes) -> StoredEntity:
    """Decode a user or an item; what has another layout begins anew, but for its attributes."""
    if stored[1] == LAYOUT:
        return _STORED.decode(stored)
    earlier = _EARLIER.decode(stored)
    found = StoredEntity(LAYOUT, b"", 0.0, [], [], earlier.versions, earlier.entries or 0)
    if earlier.spec == _SPEC:
        keys, found.time, found.parts = (
            _item_parts(_ITEM.decode(earlier.base))
            if earlier.entries is None
            else _user_parts(_USER.decode(earlier.base))
        )
        found.fingerprints = np.array([fingerprint(key) for key in keys], "<u4").tobytes()
        found.lists = ["item_categories"]
        found.updates = [
            Update(u.time, u.order, u.positive, u.item_id, (u.categories,), u.voter)
            for u in _UPDATES.decode(earlier.updates)
        ]
    return found


def _user_parts(user: _EarlierUser) -> tuple[list[str], float, list[Any]]:
    counts, half = np.frombuffer(user.counts).tolist(), len(user.strengths) // 2
    affinity = user.categories, user.strengths[:half], user.strengths[half:]
    return _USER_KEYS, user.time, [*counts, user.recent, affinity]


def _item_parts(item: _EarlierItem) -> tuple[list[str], float, list[Any]]:
    counts = len(_ITEM_KEYS) - 1
    numbers = np.frombuffer(item.values, "<f8", counts).tolist()
    return _ITEM_KEYS, item.time, [*numbers, item.values[8 * counts :]]
