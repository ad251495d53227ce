"""A new installation's state from a log: by bucket, then its newest part by the stream's core."""

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from kafka.errors import KafkaError
from kafka.structs import TopicPartition as KafkaPartition

from features.spec import VIEWS
from features.stores.parts import open_folder, parts_in, sync_folder
from features.stores.schema import view_schema
from millstream import kafka
from millstream.errors import LogUnavailable
from millstream.settings import Settings
from stream.history.outcome import Outcome
from stream.history.sources import TIMED
from stream.history.tail import Learn, Tail
from stream.history.work import TAIL_PARTITION
from stream.ingest.records import EventRecord, TopicPartition
from stream.state.memory import Memory, Rules, empty_memory
from stream.storage.seeding import Seeding
from stream.storage.store import StateStore


@dataclass(frozen=True)
class Seeded:
    """A state that was written, and how far its log was read.

    Args:
        memory: the state, with the positions and newest event times of the log.
        examined: how many records went through the stream's core.
    """

    memory: Memory
    examined: int

    @property
    def last_s(self) -> float:
        """Time of the newest event, Unix seconds; -inf without any."""
        return self.memory.watermark.newest()


async def seed(
    outcome: Outcome,
    rules: Rules,
    seeding: Seeding,
    store: StateStore,
    newer: Iterable[EventRecord],
    learn: Learn,
    on_progress: Callable[[int], object] = lambda done: None,
) -> Seeded:
    """Write the state of a log into an empty store, but for where the stream goes on.

    Args:
        outcome: of the older part of the log.
        seeding: begun.
        newer: the rest of the log, of which examples are made.
        learn: takes them.
        on_progress: told how many records of the newer part are done.
    """
    now_s = max(outcome.scanned.last_s, 0.0)
    await seeding.write(outcome.effects(now_s))
    memory = empty_memory(rules)
    await store.restore(memory, now_s)
    memory.positions = outcome.positions()
    memory.watermark.max_event_times = outcome.reached()
    tail = Tail(memory, rules, store, outcome.work, learn)
    return Seeded(memory, await tail.run(newer, on_progress))


def put_rows(made: Path, offline: Path) -> None:
    """Put the feature rows of a run into the offline store, in the place of an earlier run's."""
    for view in VIEWS:
        folder = offline / view.name
        open_folder(folder, view_schema(view))
        for part in parts_in(folder):
            if part.partition >= TAIL_PARTITION:
                (folder / part.name).unlink()
        for part in parts_in(made / view.name):
            source, to = made / view.name / part.name, folder / part.name
            try:
                os.link(source, to)
            except OSError:  # another file system
                draft = to.with_name(f".{to.name}.tmp")
                shutil.copyfile(source, draft)
                draft.replace(to)
        sync_folder(folder)


def has_rows(offline: Path) -> bool:
    """Return whether the offline store has rows that no run over history has put there."""
    folders = [offline / view.name for view in VIEWS if (offline / view.name).is_dir()]
    parts = chain.from_iterable(map(parts_in, folders))
    return any(part.partition < TAIL_PARTITION for part in parts)


def positions_since(settings: Settings, since_s: float) -> dict[TopicPartition, int]:
    """Where to go on in topics of which a log from elsewhere holds what is older.

    Args:
        since_s: Unix seconds: the first message of each partition that came then or later.

    Raises:
        LogUnavailable: no broker answers.
    """
    reader = kafka.consumer(settings, group_id=None)
    try:
        found = {}
        for topic in TIMED:
            name = settings.topic(topic)
            places = [KafkaPartition(name, n) for n in reader.partitions_for_topic(name) or ()]
            ends = reader.end_offsets(places)
            moment_ms = max(int(since_s * 1_000), 0)
            first = reader.offsets_for_times(dict.fromkeys(places, moment_ms))
            for place in places:
                at = first.get(place)
                found[TopicPartition(topic.name, place.partition)] = (
                    at.offset if at is not None else ends[place]
                )
        return found
    except KafkaError as error:
        raise LogUnavailable(f"Offsets not known: {error!r}") from error
    finally:
        reader.close()
