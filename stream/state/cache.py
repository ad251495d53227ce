"""Entities in memory."""

from collections.abc import Iterable
from typing import Generic, TypeVar

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
