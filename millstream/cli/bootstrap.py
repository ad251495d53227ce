"""`millstream bootstrap`: a new installation from years of log."""

import asyncio
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millstream.cli.log_options import LOG_OPTIONS, WORK_OPTIONS, source_of
from millstream.cli.quiet_import import import_keras_quietly
from millstream.cli.state_store import state_store
from millstream.errors import ConfigurationError, InvalidEvent

if TYPE_CHECKING:
    from redis import Redis

    from millstream.settings import Settings
    from stream.history.bootstrap import Seeded
    from stream.history.command import HistorySource
    from stream.history.engine import OnProgress
    from stream.history.outcome import Outcome
    from stream.storage.seeding import Seeding
    from stream.storage.store import StateStore

_LEASE_S = 15.0


@click.command()
@LOG_OPTIONS
@WORK_OPTIONS
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the work; what is finished there is not made again.",
)
@click.option(
    "--train-from",
    metavar="TIME",
    help="First moment whose events are learnt from, RFC 3339 or Unix seconds; the default is all.",
)
@click.option("--no-train", is_flag=True, help="Make no snapshot: state and rows by bucket alone.")
@click.option("--force", is_flag=True, help="Replace the state of an installation that has worked.")
def bootstrap(
    out: Path,
    buckets: int,
    processes: int | None,
    train_from: str | None,
    no_train: bool,
    force: bool,
    **options: Any,
) -> None:
    """Begin an installation with the logs LOG...: state, feature rows and a first snapshot.

    What is older than --train-from is worked on by bucket, on all cores, as `millstream backfill`
    does; from then on events go through the stream's own core, and the trainer learns from their
    examples. Then Redis holds the stream's state and the online features, the offline store the
    rows, and the snapshot is there to be served. Start the workers afterwards: the stream goes on
    where the log ends, and what is in both the log and the topics counts once.

    No stream worker may run meanwhile. An installation that has worked is refused. A run that was
    killed is repeated: until the last step no worker goes on from what it has written.

    \b
    Examples:
      millstream bootstrap events.jsonl --out history
      millstream bootstrap 2024.parquet 2025.parquet --train-from 2025-12-01T00:00:00Z --out history
      millstream bootstrap --topics --no-train --out history
    """
    source, from_s = source_of(options), inf if no_train else _moment(train_from)
    if not no_train:
        import_keras_quietly()
    from millstream.kafka import create_topics
    from millstream.settings import settings
    from stream.history.command import engine_of, progress
    from stream.history.tail import split

    chosen = settings()
    create_topics(chosen)
    _refuse_used(chosen, force)
    with progress() as on_progress:
        name = f"{source.name()} before {from_s!r}"
        engine = engine_of(chosen, source, out, name, buckets, processes, on_progress)
        outcome = engine.run(lambda: split(source.records(chosen), from_s, before=True))
        asyncio.run(_bootstrap(chosen, source, outcome, from_s, force, on_progress))


async def _bootstrap(
    chosen: "Settings",
    source: "HistorySource",
    outcome: "Outcome",
    from_s: float,
    force: bool,
    on_progress: "OnProgress",
) -> None:
    from millstream.clock import SystemClock
    from millstream.redis_clients import redis_client
    from stream.history.bootstrap import put_rows, seed
    from stream.history.tail import split
    from stream.state.memory import Rules

    learner: Any = None
    if from_s < inf:
        from simulation.first_snapshot import FirstSnapshot

        learner = FirstSnapshot(chosen, SystemClock())
    async with state_store(chosen, "bootstrap", _LEASE_S) as store:
        with redis_client(chosen.redis_url) as client:
            seeding = _seeding(chosen, client, store)
            seeding.begin(force=force)
            seeded = await seed(
                outcome,
                Rules.of(chosen),
                seeding,
                store,
                split(source.records(chosen), from_s, before=False) if learner else (),
                learner.learn if learner else _unlearnt,
                lambda done: on_progress("examined", done, 0),
            )
        put_rows(outcome.work.offline, chosen.offline_dir)
        _tell_snapshot(chosen, learner)
        await _finish(chosen, source, store, seeded)
    click.echo(
        f"{outcome.scanned.events:,} events by bucket, {seeded.examined:,} by the stream's core, "
        f"{learner.examples if learner else 0:,} examples learnt"
    )
    click.echo("Start the workers: the stream goes on where the log ends.")


async def _finish(
    chosen: "Settings", source: "HistorySource", store: "StateStore", seeded: "Seeded"
) -> None:
    """Let the state be whole, from the place on where the log ends."""
    from millstream.log_identity import logs_of
    from millstream.topics import TOUCHES
    from stream.history.bootstrap import positions_since
    from stream.history.sources import TABLES, TIMED
    from stream.ingest.records import TopicPartition

    memory = seeded.memory
    positions, times = memory.positions, memory.watermark.max_event_times
    windows = {}
    if source.files:  # offsets of files are of no topic
        positions = positions_since(chosen, seeded.last_s - chosen.dedupe_window_s)
        times, windows = {}, memory.join.detached()
    found = logs_of(chosen, (*TABLES, *TIMED, TOUCHES))
    logs = {topic.name: log.identity for topic, log in found.items() if log.identity}
    # What events ask of items was worked on here; what lies there is of a state before this one.
    place = TopicPartition(TOUCHES.name, 0)
    positions[place] = found[TOUCHES].ends.get(0, 0) if TOUCHES in found else 0
    await store.finish_seeding(positions, times, logs, windows)


def _tell_snapshot(chosen: "Settings", learner: Any) -> None:
    """Write the first snapshot, and say what became of it."""
    if learner is None:
        return
    from millstream.log_identity import logs_of
    from millstream.topics import EXAMPLES

    now = logs_of(chosen, [EXAMPLES])[EXAMPLES]
    published = learner.publish(now.identity, now.ends.get(0, 0))
    if published is None:
        click.secho("No snapshot: nothing was learnt.", fg="yellow", err=True)
    else:
        click.echo(f"snapshot {published.manifest.version}: {published.status}")


def _refuse_used(chosen: "Settings", force: bool) -> None:
    """Refuse an installation that has worked, before hours of work and not after them."""
    from millstream.redis_clients import redis_client
    from millstream.snapshots import SnapshotReader
    from stream.history.bootstrap import has_rows

    with redis_client(chosen.redis_url) as client:
        seeding = _seeding(chosen, client)
        seeding.check(force=force)
        if force or seeding.is_under_way():
            return
    what = None
    if has_rows(chosen.offline_dir):
        what = f"{chosen.offline_dir} holds feature rows"
    elif SnapshotReader(chosen.snapshot_dir).versions():
        what = f"{chosen.snapshot_dir} holds snapshots"
    if what:
        raise ConfigurationError(
            f"The installation must be empty: {what}. --force puts new ones beside them."
        )


def _seeding(chosen: "Settings", client: "Redis", store: "StateStore | None" = None) -> "Seeding":
    from features.stores.redis_online import Layouts
    from stream.storage.seeding import Seeding

    return Seeding(client, chosen.topic_prefix, Layouts(chosen.feast_project), store)


def _moment(text: str | None) -> float:
    """Unix seconds; -inf for none."""
    if text is None:
        return -inf
    from millstream.lenient import unix_seconds

    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(unix_seconds(text))
    except (InvalidEvent, ValueError) as error:
        raise click.BadParameter(
            f"Expected RFC 3339 or Unix seconds. Received: {text!r}.", param_hint="--train-from"
        ) from error


def _unlearnt(message: bytes) -> None:
    """There are no examples to be learnt from."""
