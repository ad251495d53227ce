"""`millstream migrate`: the data of `serve --all-in-one`, moved to Kafka and Redis."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from millstream.cli.state_store import state_store
from millstream.errors import ConfigurationError, MillstreamError

if TYPE_CHECKING:
    from redis import Redis

    from millstream.embedded.log import EmbeddedLog
    from millstream.embedded.migration import Compared
    from millstream.embedded.store import EmbeddedStore
    from millstream.log_identity import TopicLog
    from millstream.settings import Settings
    from millstream.topics import Topic
    from stream.storage.schema import StateCommands

_LEASE_S = 15.0
_FOLDERS = ("offline", "snapshots")
# Keys that say who writes and how far: they are made anew in Redis.
_OWN = ("lease", "epoch", "seeding", "sink", "positions", "reached", "asked", "touched", "logs")
# The lists that wait for feedback are kept otherwise where their offsets are others.
_REWRITTEN = (*_OWN, "waiting")


class MigrationDiffers(MillstreamError):
    """Failure of a comparison: something is not the same in both places."""


@click.command()
@click.argument(
    "folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
def migrate(folder: Path) -> None:
    """Move the installation in DIR, of `serve --all-in-one`, to Kafka and Redis.

    Its topics go to Kafka, its online store to Redis, its feature rows and snapshots to
    MILLSTREAM_DATA_DIR; then everything is read again and compared. DIR stays as it is. The process
    that served it must have ended, and the installation that it goes to must be empty: no records
    in the topics, no stream state in Redis, no snapshots. A migration that was killed goes on when
    the command is repeated.

    Start the workers afterwards: the stream goes on where it was, and the trainer with what was
    learnt; the examples that it had learnt from are not learnt again.

    \b
    Examples:
      millstream migrate box
    """
    from millstream.cli.all_in_one import LOG, STORE, locked
    from millstream.embedded.log import EmbeddedLog
    from millstream.embedded.store import open_store
    from millstream.redis_clients import redis_client
    from millstream.settings import settings

    chosen = settings()
    if not (folder / LOG).is_dir():
        raise ConfigurationError(
            f"DIR must be a folder that `millstream serve --all-in-one` has served. Received: "
            f"{str(folder)!r}."
        )
    with locked(folder / "serving.lock", 0.0), locked(folder / "learner.lock", 0.0):
        own_log = EmbeddedLog(folder / LOG)
        store = open_store(folder / STORE, chosen.topic_prefix)
        with redis_client(chosen.redis_url) as redis:
            found = _moved(chosen, folder, own_log, store, redis)
    for part in found:
        equal = "equal" if part.is_equal else f"DIFFER ({part.differing:,} of them are others)"
        click.echo(f"{part.name:28} {part.here:10,} {part.there:10,}  {equal}")
    if not all(part.is_equal for part in found):
        raise MigrationDiffers("What was moved is not the same in both places: see above.")
    click.echo("Start the workers: the stream and the trainer go on where they were.")


def _moved(
    chosen: "Settings",
    folder: Path,
    own_log: "EmbeddedLog",
    store: "EmbeddedStore",
    redis: "Redis",
) -> "list[Compared]":
    """Move everything; how it compares."""
    from features.stores.redis_online import Layouts
    from millstream.embedded.migration import (
        MOVED,
        StoreCopy,
        compared_topic,
        copy_topic,
    )
    from millstream.kafka import create_topics
    from millstream.log_identity import logs_of
    from stream.storage.schema import StateCommands
    from stream.storage.seeding import Seeding

    create_topics(chosen)
    layouts = Layouts(chosen.feast_project)
    seeding = Seeding(redis, chosen.topic_prefix, layouts, None)
    seeding.check(force=False)
    there = logs_of(chosen, MOVED)
    if not seeding.is_under_way():
        _refuse_used(chosen, folder, there)
    commands = StateCommands(chosen.topic_prefix, layouts)
    seeding.begin(force=False)  # from here on a run that was killed goes on
    for topic in MOVED:
        copied = copy_topic(chosen, own_log[topic], there[topic])
        click.echo(f"{chosen.topic(topic)}: {copied:,} records")
    _copy_folders(folder, chosen.data_dir)
    StoreCopy(store, redis, map(commands.key, (*_OWN, *_of_shards()))).copy()
    asyncio.run(_finish(chosen, own_log, store, commands))
    kept = StoreCopy(store, redis, map(commands.key, (*_REWRITTEN, *_of_shards())))
    return [*(compared_topic(chosen, own_log[topic]) for topic in MOVED), *kept.compared()]


def _of_shards() -> "list[str]":
    """Keys that say who writes each shard."""
    from millstream.topics import INTERACTIONS

    shards = ["items", *(f"u{n}" for n in range(INTERACTIONS.partitions))]
    return [f"{name}:{shard}" for name in ("epoch", "batch") for shard in shards]


async def _finish(
    chosen: "Settings", own_log: "EmbeddedLog", store: "EmbeddedStore", commands: "StateCommands"
) -> None:
    """Let the state in Redis be whole, at the same places of the logs that Kafka has."""
    from millstream.clock import SystemClock
    from millstream.embedded.migration import positions_there
    from millstream.log_identity import logs_of
    from millstream.topics import IMPRESSIONS, INTERACTIONS, ITEMS, TOUCHES, USERS
    from stream.ingest.records import TopicPartition
    from stream.state.memory import Rules, empty_memory
    from stream.storage.schema import sources_from

    there = logs_of(chosen, (ITEMS, TOUCHES, USERS, INTERACTIONS, IMPRESSIONS))
    positions, reached = store.read(
        [("HGETALL", commands.key("positions")), ("HGETALL", commands.key("reached"))]
    )
    places = [(source, int(offset)) for source, offset in sources_from(positions).items()]
    moved = positions_there(own_log, places, there)
    logs = {topic.name: log.identity for topic, log in there.items() if log.identity}
    memory = empty_memory(Rules.of(chosen))
    async with state_store(chosen, "migrate", _LEASE_S) as state:
        state.begin_seeding()
        await state.restore(memory, SystemClock().now())
        await state.finish_seeding(
            {TopicPartition(*source): offset for source, offset in moved.items()},
            sources_from(reached),
            logs,
            memory.join.detached(),
        )


def _refuse_used(chosen: "Settings", folder: Path, there: "Mapping[Topic, TopicLog]") -> None:
    """Refuse an installation that has worked."""
    from millstream.snapshots import SnapshotReader

    what = None
    if full := [chosen.topic(topic) for topic, log in there.items() if log.begins != log.ends]:
        what = f"topics hold records: {', '.join(full)}"
    elif chosen.data_dir.resolve() == folder.resolve():
        return
    elif SnapshotReader(chosen.snapshot_dir).versions():
        what = f"{chosen.snapshot_dir} holds snapshots"
    if what:
        raise ConfigurationError(f"The installation must be empty. Received: {what}.")


def _copy_folders(folder: Path, data_dir: Path) -> None:
    """Copy feature rows, snapshots and the record of the domain."""
    from millstream.domain.applied import RECORD_NAME

    if data_dir.resolve() == folder.resolve():
        return
    for name in _FOLDERS:
        if (folder / name).is_dir():
            shutil.copytree(folder / name, data_dir / name, symlinks=True, dirs_exist_ok=True)
    if (folder / RECORD_NAME).is_file():
        shutil.copy2(folder / RECORD_NAME, data_dir / RECORD_NAME)
