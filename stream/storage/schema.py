"""The stream's state in Redis: keys, and what is written and read under them.

All keys begin with the installation's topic prefix and `stream:` (below: `P`).

    P positions          hash: `<topic>:<partition>` -> next offset to read
    P reached            hash: the same -> newest event time; of `touches` by partition of users
    P asked              hash: `<log>:<partition>` -> last offset of interactions that has touches
    P touched            hash: the same -> last offset that the items' side has worked on
    P logs               hash: topic, and `<topic>:<partition>` -> which log the position is of
                         (`millstream/log_identity.py`)
    P user:<id>, P item:<id>   an entity (`stream/state/entities.py`), expires as its view does
    P dedupe:<shard>     hash: generation, started_at; without a shard, that of all of them
    P marks:<shard>:<generation>   fingerprints of event ids, 8 bytes each, appended; likewise
    P known              list: items in the order in which they came to be known
    P hidden             set: items not to be recommended
    P recent             list: the newest positives (`stream/state/recent_positives.py`)
    P deleted            hash: deleted item -> event time and id of the deletion, and when it came
    P erasures           hash: erased user -> the erasure (`millstream/erasures.py`)
    P holes              set: places in `known` that are empty
    P spans              hash: item -> from when until when it is available, if that is to come
    P waiting            hash: request id -> list whose window is open
    P answered           hash: request id -> items of it with feedback
    P epoch:<shard>      who writes it (`stream/storage/assigned_store.py`)
    P batch:<shard>      the name of the last batch (`stream/storage/store.py`)
    P worker:<name>      the shards of a worker that is alive, expires
    P lease, P epoch, P batch   the same of commands (`stream/storage/leader_lease.py`)
    P seeding            there while `millstream bootstrap` writes a state that is not whole yet

Beside them are the feature rows, as Feast keeps them, the users' seen filters (`features/bloom.py`)
and the sessions that serving merged into them (`millstream/sessions.py`). A worker writes its
shards' entities and fields, and nobody else's; one batch is one transaction over all of it.
"""

from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa

from features import bloom, tombstones
from features.spec import ITEM_STATS, USER_STATS
from features.stores.binary import joined, texts
from features.stores.redis_online import Layouts
from features.stores.resp import Packed, packed
from millstream.sessions import merged_key
from stream.ingest.records import TopicPartition
from stream.outputs.effects import Effects, SeenEntries, StateWrites
from stream.state.recent_positives import KEPT
from stream.storage.redis_connection import Command, Commands

_USER_TTL_S = int(USER_STATS.ttl_s or 0)
_ITEM_TTL_S = int(ITEM_STATS.ttl_s or 0)
_CHUNK = 10_000


class StateCommands:
    """Commands for one installation.

    Args:
        topic_prefix: of the installation.
        layouts: of the feature rows.
    """

    def __init__(self, topic_prefix: str, layouts: Layouts) -> None:
        self._seen_prefix = topic_prefix
        self._prefix = f"{topic_prefix}stream:"
        self._layouts = layouts

    def key(self, name: str) -> str:
        """The full name of one key."""
        return self._prefix + name

    # Reading.

    def positions(self) -> Command:
        """For `sources_from`."""
        return ("HGETALL", self.key("positions"))

    def restore(self) -> list[Command]:
        """Everything that is needed at the start, in the order of `Restored`'s fields."""
        return [
            self.positions(),
            ("HGETALL", self.key("reached")),
            ("HGETALL", self.key("touched")),
            ("LRANGE", self.key("known"), 0, -1),
            ("SMEMBERS", self.key("hidden")),
            ("HGETALL", self.key("waiting")),
            ("HGETALL", self.key("answered")),
            ("HGETALL", self.key("logs")),
            ("LRANGE", self.key("recent"), 0, -1),
            ("HGETALL", self.key("deleted")),
            ("SMEMBERS", self.key("holes")),
            ("HGETALL", self.key("spans")),
            ("EXISTS", self.key("seeding")),
        ]

    def dedupe(self, shard: str) -> Command:
        """Which generations of fingerprints a shard has; "" is all of them."""
        return ("HGETALL", self.key(_of("dedupe", shard)))

    def fingerprints(self, shard: str, generation: int) -> Command:
        """The fingerprints of one generation."""
        return ("GET", self.key(f"{_of('marks', shard)}:{generation}"))

    def entities(self, kind: str, ids: Iterable[str]) -> Command:
        """Users or items, in the order of `ids`."""
        return ("MGET", *(self.key(f"{kind}:{entity}") for entity in ids))

    # Writing.

    def commit(self, effects: Effects) -> Iterator[Commands]:
        """Commands that write one batch."""
        state = effects.state
        for user in state.erased:
            yield self._erasure(user)
        for item in state.removed:
            yield ("DEL", self.key(f"item:{item}"), self._layouts.entity_key(ITEM_STATS, item))
        for rows in effects.features:
            if not rows.last:
                continue
            yield from self._layouts.packed_writes(rows.view, rows.rows.take(rows.last))
        yield self._entities("user", state.users, _USER_TTL_S)
        yield self._entities("item", state.gone, int(tombstones.WINDOW_S))
        yield self._entities("item", state.items, _ITEM_TTL_S)
        for user, entries in state.filters.items():
            yield from self._filters(user, entries)
        yield from self._hash("erasures", state.erasures)
        yield from self._dedupe(state)
        yield from self._known_items(state)
        yield from self._join(state)
        yield from self._hash("positions", {field_of(s): v for s, v in state.positions.items()})
        yield from self._hash("reached", {field_of(s): v for s, v in state.max_event_times.items()})
        yield from self._hash("asked", _by_log(state.asked))
        yield from self._hash("touched", _by_log(state.touched))

    def _erasure(self, user: str) -> Command:
        filters = [bloom.key(self._seen_prefix, user, slot) for slot in range(bloom.SLOTS)]
        features = self._layouts.entity_key(USER_STATS, user)
        merged = merged_key(self._seen_prefix, user)
        return ("DEL", self.key(f"user:{user}"), features, merged, *filters)

    def begin_logs(
        self,
        logs: Mapping[TopicPartition, str],
        gone: Iterable[TopicPartition],
        open_windows: Mapping[str, bytes],
    ) -> Iterator[Command]:
        """Topics have become other logs; what was reached of `gone` is forgotten."""
        yield from self._hash("logs", {source.topic: log for source, log in logs.items()})
        yield from self._hash("logs", {field_of(source): log for source, log in logs.items()})
        yield from self._hash("waiting", open_windows)
        for field in map(field_of, gone):
            yield ("HDEL", self.key("positions"), field)
            yield ("HDEL", self.key("reached"), field)

    def finish_seeding(
        self,
        positions: Mapping[TopicPartition, int],
        reached: Mapping[TopicPartition, float],
        logs: Mapping[str, str],
        open_windows: Mapping[str, bytes],
    ) -> Iterator[Command]:
        """The state is whole, and goes on from these positions alone."""
        names = ("positions", "reached", "asked", "touched", "logs", "seeding")
        yield ("DEL", *(self.key(name) for name in names))
        yield from self._hash("positions", {field_of(s): v for s, v in positions.items()})
        yield from self._hash("reached", {field_of(s): v for s, v in reached.items()})
        yield from self._hash("logs", logs)
        yield from self._hash("waiting", open_windows)

    def _entities(self, kind: str, stored: Mapping[str, bytes], ttl_s: int) -> Packed:
        ids, values = pa.array(stored.keys(), pa.string()), pa.array(stored.values(), pa.binary())
        keys = joined(self.key(f"{kind}:").encode(), texts(ids))
        return packed(b"SET", keys, values, b"EX", b"%d" % ttl_s)

    def _filters(self, user: str, entries: list[SeenEntries]) -> Iterator[Command]:
        for part in entries:
            key = bloom.key(self._seen_prefix, user, part.slot)
            if part.clear:
                yield ("DEL", key)
            command: list[str | int] = ["BITFIELD", key]
            for entry in part.entries:
                for bit in bloom.bits_of(entry):
                    command += ("SET", "u1", bit, 1)
            yield tuple(command)
            yield ("EXPIRE", key, _USER_TTL_S)

    def _dedupe(self, state: StateWrites) -> Iterator[Command]:
        if (common := state.common_generation) is not None:
            names = "dedupe", f"marks:{common - 1}", f"marks:{common}"
            yield ("DEL", *map(self.key, names))
        for shard, generation in state.generations.items():
            marks = self.key(_of("marks", shard))
            if state.rotated:
                yield ("DEL", f"{marks}:{generation - 2}")
            if fingerprints := state.fingerprints.get(shard):
                yield ("APPEND", f"{marks}:{generation}", fingerprints)
            begun = {"generation": generation, "started_at": state.started_at}
            yield from self._hash(_of("dedupe", shard), begun)

    def _known_items(self, state: StateWrites) -> Iterator[Command]:
        if state.is_compacted:
            yield ("DEL", self.key("known"), self.key("holes"))
        for start in range(0, len(state.known), _CHUNK):
            yield ("RPUSH", self.key("known"), *state.known[start : start + _CHUNK])
        if state.holes:
            yield ("SADD", self.key("holes"), *state.holes)
        if state.recent_positives:
            yield ("RPUSH", self.key("recent"), *state.recent_positives)
            yield ("LTRIM", self.key("recent"), -KEPT, -1)
        if state.undeleted:
            yield ("HDEL", self.key("deleted"), *state.undeleted)
        yield from self._hash("deleted", state.deleted)
        if state.unscheduled:
            yield ("HDEL", self.key("spans"), *state.unscheduled)
        yield from self._hash("spans", state.spans)
        if state.hidden:
            yield ("SADD", self.key("hidden"), *state.hidden)
        if state.shown:
            yield ("SREM", self.key("hidden"), *state.shown)

    def _join(self, state: StateWrites) -> Iterator[Command]:
        yield from self._hash("waiting", state.open_windows)
        yield from self._hash("answered", state.attributed)
        if state.closed:
            yield ("HDEL", self.key("waiting"), *state.closed)
            yield ("HDEL", self.key("answered"), *state.closed)

    def _hash(
        self, name: str, values: Mapping[str, bytes | str | int | float]
    ) -> Iterator[Command]:
        if values:
            pairs = (part for pair in values.items() for part in pair)
            yield ("HSET", self.key(name), *pairs)


def _of(name: str, shard: str) -> str:
    """What a key of one shard is called; "" is all of them."""
    return f"{name}:{shard}" if shard else name


def _by_log(offsets: Mapping[tuple[str, int], int]) -> dict[str, int]:
    return {f"{log}:{partition}": offset for (log, partition), offset in offsets.items()}


def field_of(source: TopicPartition) -> str:
    """A source partition as a hash field."""
    return f"{source.topic}:{source.partition}"


def sources_from(reply: list[bytes]) -> dict[TopicPartition, float]:
    """A hash by source partition."""
    found = {}
    for field, value in zip(reply[::2], reply[1::2], strict=True):
        topic, _, partition = field.decode().rpartition(":")
        found[TopicPartition(topic, int(partition))] = float(value)
    return found
