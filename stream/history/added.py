"""Back-fill of added features: from what the topics have kept, while the stream goes on.

First everything up to where the stream has come is worked on by bucket, by the features as they are
to be; that takes as long as it takes. Then, when no stream worker runs, the same goes on to where
the last one stopped, which is little, and the parts of the added features are put into what is
stored. A worker of the new features begins with values as if it had had them all along; where the
log does not reach, with defaults.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from redis import Redis

from features.entity_rule import ITEM_RULE, USER_RULE, EntityRule
from features.feature import Entity
from features.spec import ITEM_STATS, USER_STATS
from features.topic_events import door
from millstream import topic_reading
from millstream.log_identity import logs_of
from millstream.settings import Settings
from millstream.topics import INTERACTIONS
from stream.history.engine import DEFAULT_BUCKETS, Engine, OnProgress
from stream.history.last_rows import last_rows
from stream.history.outcome import Outcome
from stream.history.sources import topic_records
from stream.history.splice import lacks, spliced, wanted_keys
from stream.ingest.records import EventRecord, TopicPartition
from stream.outputs.effects import Effects, StateWrites
from stream.state.entities import items_from, users_from
from stream.state.memory import Rules, empty_memory
from stream.storage.schema import StateCommands, field_of, sources_from
from stream.storage.store import StateStore

Positions = Mapping[TopicPartition, int]
# Opens the log: the records from the first positions on, up to the second ones.
Records = Callable[[Positions, Positions], Iterator[EventRecord]]

_SAMPLE = 3_000
_AT_ONCE = 2_000


@dataclass(frozen=True)
class Reach:
    """How far back the log of interactions reaches, and how long it takes to work on it.

    Args:
        since_s: time of its oldest message, Unix seconds; None where it is empty.
        events: messages of all partitions.
        events_per_s: that one process works on, measured on the oldest of them.
    """

    since_s: float | None
    events: int
    events_per_s: float

    def seconds(self, processes: int) -> float:
        """How long all of it takes, about."""
        return self.events / (self.events_per_s * processes) if self.events_per_s else 0.0


def reach(settings: Settings) -> Reach:
    """Look at the log; it is only read.

    Raises:
        LogUnavailable: no broker answers.
    """
    now = logs_of(settings, [INTERACTIONS])[INTERACTIONS]
    events = sum(end - now.begins.get(part, 0) for part, end in now.ends.items())
    oldest = [
        found.timestamp_s
        for part, begin in now.begins.items()
        if (found := topic_reading.message_at(settings, INTERACTIONS, part, begin)) is not None
    ]
    return Reach(min(oldest, default=None), events, _rate(settings) if events else 0.0)


def _rate(settings: Settings) -> float:
    """Events per second of one process, measured on a sample."""
    sample = list(islice(topic_log(settings)({}, {}), _SAMPLE))
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        engine = Engine(Path(folder) / "sample", Rules.of(settings), "sample", buckets=1)
        engine.run(lambda: sample)
        return len(sample) / (time.perf_counter() - begun)


def topic_log(settings: Settings) -> Records:
    """The topics of an installation."""
    let_in = door(settings.max_event_bytes, settings.unknown_fields)
    return lambda since, until: topic_records(settings, let_in, time.time(), since, until)


@dataclass(frozen=True)
class AddedFeatures:
    """Back-fill of some features of one installation.

    Args:
        features: names of their columns.
        folder: for the work; what is finished there is not made again.
        records: opens the log.
        redis: of the installation, for reading.
        commands: of its state.
    """

    features: Collection[str]
    folder: Path
    rules: Rules
    records: Records
    redis: Redis
    commands: StateCommands
    logs: Mapping[str, str]
    buckets: int = DEFAULT_BUCKETS
    processes: int = 1

    def work(self, on_progress: OnProgress) -> Outcome:
        """Make what the stream has worked on so far; it may go on meanwhile."""
        until = self._positions()
        engine = self._engine("log", "log", on_progress)
        return engine.run(lambda: self.records({}, until))

    async def finish(self, outcome: Outcome, store: StateStore, on_progress: OnProgress) -> int:
        """Put the parts in, when no worker writes; into how many users and items.

        Args:
            outcome: of `work`.
            store: under the lease.
        """
        shutil.rmtree(self.folder / "rest", ignore_errors=True)
        since, until = outcome.positions(), self._positions()
        engine = self._engine("rest", "rest", on_progress, outcome)
        whole = engine.run(lambda: self.records(since, until))
        await store.restore(empty_memory(self.rules), time.time())  # it is whole, or refused
        count = 0
        for rule in (USER_RULE, ITEM_RULE):
            if keys := wanted_keys(rule, self.features):
                for effects in self._effects(rule, keys, whole):
                    await store.commit(effects)
                    count += len(effects.state.users) + len(effects.state.items)
        return count

    def _engine(
        self, name: str, source: str, on_progress: OnProgress, before: Outcome | None = None
    ) -> Engine:
        return Engine(
            self.folder / name,
            self.rules,
            source,
            self.logs,
            self.buckets,
            self.processes,
            on_progress,
            before,
        )

    def _positions(self) -> dict[TopicPartition, int]:
        """Where the stream has come, with both of its sides."""
        names = ("positions", "asked", "touched", "logs")
        hashes = [dict(self.redis.hgetall(self.commands.key(name))) for name in names]  # type: ignore[arg-type]
        found, asked, touched, logs = hashes
        flat = [part for pair in found.items() for part in pair]
        positions = {source: int(offset) for source, offset in sources_from(flat).items()}
        for source in positions:
            if source.topic == INTERACTIONS.name:
                log = logs.get(field_of(source).encode(), b"").decode()
                place = f"{log}:{source.partition}".encode()
                reached = int(touched.get(place, -1))
                if reached < int(asked.get(place, -1)):
                    positions[source] = min(positions[source], reached + 1)
        return positions

    def _effects(
        self, rule: EntityRule, keys: Collection[str], whole: Outcome
    ) -> Iterator[Effects]:
        """Entities that lack the parts, with them, and their last feature rows."""
        pairs = iter(whole.entities(rule.entity))
        while some := list(islice(pairs, _AT_ONCE)):
            _, *names = self.commands.entities(rule.entity, (entity for entity, _ in some))
            found = zip(some, self.redis.mget(names), strict=True)  # type: ignore[arg-type]
            lacking = [
                (entity, made, stored)
                for (entity, made), stored in found
                if stored is not None and lacks(stored, keys)
            ]
            if lacking:
                ids, made, stored = zip(*lacking, strict=True)
                new = dict(zip(ids, spliced(rule, stored, made, keys), strict=True))
                yield _written(rule.entity, new)


def _written(entity: Entity, new: dict[str, bytes]) -> Effects:
    """Writes of entities and of their feature rows; all else stays as it is."""
    state = StateWrites()
    if entity == "user":
        state.users, whole = new, users_from(list(new.values()))
        rows = last_rows("user", dict(zip(new, whole, strict=True)), time.time())
    else:
        state.items = new
        items = dict(zip(new, items_from(list(new.values())), strict=True))
        rows = last_rows("item", items, time.time())
    views = (USER_STATS, ITEM_STATS)
    return Effects(features=[each for each in rows if each.view in views], state=state)
