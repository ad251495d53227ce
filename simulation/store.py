"""The online store in memory: the same bytes under the same names as in Redis.

Feature rows are kept as the Redis hashes that Feast reads, entities as the stream stores them,
seen filters as Redis bitmaps: what goes in and out passes the very encoders of the live store.
"""

from collections.abc import Collection, Sequence

from features import bloom
from features.feature import View
from features.spec import ITEM_STATS, USER_ATTRIBUTES, USER_STATS
from features.stores.feast_redis import Command
from features.stores.redis_online import Layouts
from serving.users import StoredUser
from stream.ingest.records import TopicPartition
from stream.outputs.effects import Effects, SeenEntries
from stream.state.entities import items_from, users_from
from stream.state.memory import Memory

_USER_VIEWS = (USER_STATS, USER_ATTRIBUTES)


class SimulatedStore:
    """`stream.worker.AssignedBatchStore` and `serving.users.Users` in memory.

    Args:
        project: of the Feast repository.

    Attributes:
        hashes: feature rows by key: a Redis hash each.
        users, items: entities as bytes by id.
        filters: seen filters by user and slot.
    """

    def __init__(self, project: str) -> None:
        self._layouts = Layouts(project)
        self.hashes: dict[bytes, dict[bytes, bytes]] = {}
        self.users: dict[str, bytes] = {}
        self.items: dict[str, bytes] = {}
        self.filters: dict[tuple[str, int], bytearray] = {}

    async def take(self, memory: Memory, sources: Collection[TopicPartition]) -> None:
        """Everything is this one worker's."""

    def close(self) -> None:
        """Everything stays."""

    async def load(self, memory: Memory, users: Sequence[str], items: Sequence[str]) -> None:
        """Bring entities into memory; those that were never stored are new."""
        found = users_from([self.users.get(user) for user in users])
        for user, entity in zip(users, found, strict=True):
            memory.users.put(user, entity)
        known = items_from([self.items.get(item) for item in items])
        for item, of_catalogue in zip(items, known, strict=True):
            memory.items.put(item, of_catalogue)

    async def commit(self, effects: Effects) -> None:
        """Keep the feature rows, entities and seen filters of a batch."""
        self.keep(effects)

    def keep(self, effects: Effects) -> None:
        """See `commit`."""
        for user in effects.state.erased:
            self._erase(user)
        for item in effects.state.removed:
            self.items.pop(item, None)
            self.hashes.pop(self._layouts.entity_key(ITEM_STATS, item), None)
        for rows in effects.features:
            for command in self._layouts.write_commands(rows.view, rows.rows.take(rows.last)):
                self._write(command)
        self.users.update(effects.state.users)
        self.items.update(effects.state.gone)
        self.items.update(effects.state.items)
        for user, parts in effects.state.filters.items():
            for part in parts:
                self._enter(user, part)

    async def read(self, user_id: str) -> StoredUser:
        """The user as serving reads them."""
        filters = [self.filters.get((user_id, slot)) for slot in range(bloom.SLOTS)]
        row = self.row(_USER_VIEWS, user_id)
        return StoredUser(
            user_id,
            {**StoredUser.unknown(user_id).raw, **row},
            [None if bits is None else bytes(bits) for bits in filters],
        )

    def row(self, views: Sequence[View], entity_id: str) -> dict[str, object]:
        """The stored features of one entity by name; what has no row is left out."""
        _, key, *fields = self._layouts.entity_command(views, entity_id)
        stored = self.hashes.get(key, {})
        return self._layouts.entity_row(views, [stored.get(field) for field in fields])

    def _erase(self, user: str) -> None:
        self.users.pop(user, None)
        self.hashes.pop(self._layouts.entity_key(USER_STATS, user), None)
        for slot in range(bloom.SLOTS):
            self.filters.pop((user, slot), None)

    def _write(self, command: Command) -> None:
        _, key, *pairs = command
        stored = self.hashes.setdefault(key, {})
        stored.update(zip(pairs[::2], pairs[1::2], strict=True))

    def _enter(self, user: str, part: SeenEntries) -> None:
        place = (user, part.slot)
        if part.clear or place not in self.filters:
            self.filters[place] = bytearray(bloom.BITS // 8)
        bits = self.filters[place]
        for entry in part.entries:
            for bit in bloom.bits_of(entry):
                bits[bit >> 3] |= 0x80 >> (bit & 7)
