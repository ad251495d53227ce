"""The stream worker on the embedded log and store: the same core, read and written in one folder.

It runs in a thread with an event loop of its own, or alone. There is one box in a folder, which has
all shards: the beginning of an epoch of them fences off what was before.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from threading import Event

import uvloop
from prometheus_client import CollectorRegistry

from features.stores.redis_online import Layouts
from features.topic_events import door
from millstream.clock import SystemClock
from millstream.embedded.log import EmbeddedLog
from millstream.embedded.store import EmbeddedStore
from millstream.log_identity import TopicLog
from millstream.metrics import serve_metrics
from millstream.settings import Settings
from millstream.topics import Topic
from stream.embedded.publisher import LogPublisher
from stream.embedded.reader import (
    FEATURES_PARTITION,
    LOOKS_EVERY_S,
    SOURCES,
    Holds,
    SinkPosition,
    SourceReader,
)
from stream.ingest.log_guard import LogGuard
from stream.metrics import StreamMetrics
from stream.outputs.parquet_sink import OfflineSink
from stream.state.memory import Rules, empty_memory, memory_line
from stream.storage.assigned_store import AssignedStore
from stream.storage.embedded_connection import EmbeddedConnection
from stream.storage.redis_connection import Connection
from stream.storage.schema import StateCommands
from stream.storage.store import StateStore
from stream.worker import ConsumerControl, StreamWorker

log = logging.getLogger(__name__)


def run(settings: Settings, own_log: EmbeddedLog, store: EmbeddedStore, end: Event) -> None:
    """Run the stream worker until `end` is set.

    Raises:
        MillstreamError: a part refuses.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, own_log, store, end))


async def _run(settings: Settings, own_log: EmbeddedLog, store: EmbeddedStore, end: Event) -> None:
    metrics, clock, rules = StreamMetrics(CollectorRegistry()), SystemClock(), Rules.of(settings)
    serve_metrics(settings.stream_metrics_port, settings.host, metrics.registry)
    commands = StateCommands(settings.topic_prefix, Layouts(settings.feast_project))
    memory = empty_memory(rules)
    log.info(memory_line(rules))
    state = AssignedStore(rules, clock, partial(_begin, store, commands), "box")
    guard = LogGuard(settings, SOURCES, memory, state, metrics, partial(_logs, own_log))
    holds = Holds()
    control = ConsumerControl(
        holds.hold,
        door(settings.max_event_bytes, settings.unknown_fields),
        settle=guard.settle,
        partitions=lambda: guard.partitions,
    )
    publisher = LogPublisher(own_log)
    worker = StreamWorker(memory, rules, state, publisher, metrics, clock, control)
    sink = OfflineSink(
        settings.offline_dir,
        settings.offline_flush_s,
        metrics,
        partial(holds.hold, FEATURES_PARTITION),
    )
    sunk = SinkPosition(store, commands.key("sink"))
    await _work(worker, sink, SourceReader(own_log, store, holds, sunk, metrics), end)


async def _begin(
    store: EmbeddedStore, commands: StateCommands, shards: Sequence[str], epoch: str
) -> StateStore:
    """The state in the store, under an epoch of all shards that begins now."""
    store.write([("SET", commands.key(f"epoch:{shard}"), epoch) for shard in shards])

    async def connect(_: str) -> Connection:
        return EmbeddedConnection(store)

    return StateStore("", commands, epoch, connect=connect, shards=shards)


async def _work(worker: StreamWorker, sink: OfflineSink, reader: SourceReader, end: Event) -> None:
    """Work until `end` is set; the batch in work is finished, and its rows are written."""
    async with asyncio.TaskGroup() as tasks:
        working, sinking = tasks.create_task(worker.run()), tasks.create_task(sink.run())
        reading = tasks.create_task(reader.run(worker, sink))
        while not end.is_set():  # noqa: ASYNC110 - it is another thread that sets it
            await asyncio.sleep(LOOKS_EVERY_S)
        reading.cancel()
        worker.stop()
        await asyncio.wait([working])
        sink.stop()
        await asyncio.wait([sinking])


def _logs(
    own_log: EmbeddedLog, settings: Settings, topics: Iterable[Topic]
) -> Mapping[Topic, TopicLog]:
    """See `millstream.log_identity.logs_of`."""
    return own_log.logs(topics)
