"""Tombstones: versions of deletions, remembered so that an older upsert brings nothing back.

A deletion is a version like an upsert's (`features.upserts`): of an item holds what is newest by
event time, whatever the order in which upserts and deletions come. What is deleted leaves nothing
but its version, and that only for so long, and of so many: an upsert that is older than a deletion
and comes later still counts as new.
"""

from typing import NamedTuple

from features.upserts import UpsertVersion

WINDOW_S = 86_400.0
MOST = 100_000


class _Entry(NamedTuple):
    version: UpsertVersion
    noted_at: float


class Tombstones:
    """Versions of deletions by id, the newest `most` (100,000) of the last `window_s` seconds.

    >>> deleted = Tombstones(window_s=10.0)
    >>> deleted.put("a", UpsertVersion(5.0, "e1"), now_s=100.0)
    >>> deleted.version("a"), "a" in deleted
    (UpsertVersion(event_time=5.0, event_id='e1'), True)
    >>> deleted.forget(now_s=111.0)
    ['a']
    """

    def __init__(self, window_s: float = WINDOW_S, most: int | None = None) -> None:
        self._window_s, self._most = window_s, MOST if most is None else most
        self._entries: dict[str, _Entry] = {}  # the oldest first

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, entity_id: str) -> bool:
        return entity_id in self._entries

    def version(self, entity_id: str) -> UpsertVersion | None:
        """The version of the deletion of an id, or None."""
        entry = self._entries.get(entity_id)
        return entry.version if entry else None

    def put(self, entity_id: str, version: UpsertVersion, now_s: float) -> None:
        """Remember a deletion at `now_s`, Unix seconds."""
        self._entries.pop(entity_id, None)
        self._entries[entity_id] = _Entry(version, now_s)

    def forget(self, now_s: float, most: int | None = None) -> list[str]:
        """Forget what is too old or too much, by `most` if that is less; the ids."""
        most = self._most if most is None else min(most, self._most)
        forgotten: list[str] = []
        for oldest, entry in self._entries.items():
            is_old = now_s - entry.noted_at > self._window_s
            if not is_old and len(self._entries) - len(forgotten) <= most:
                break
            forgotten.append(oldest)
        for oldest in forgotten:
            del self._entries[oldest]
        return forgotten

    def discard(self, entity_id: str) -> None:
        """Forget a deletion: the id is there again."""
        self._entries.pop(entity_id, None)
