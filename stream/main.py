"""The stream worker as a process: settings to objects, started, watched and ended in order."""

import asyncio
import logging
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import uvloop
from faust import App
from faust.types import TP
from prometheus_client import CollectorRegistry

from features.stores.redis_online import Layouts
from features.topic_events import Door, door
from millstream import logs
from millstream.clock import SystemClock
from millstream.errors import MillstreamError
from millstream.kafka import create_topics
from millstream.metrics import serve_metrics
from millstream.redis_clients import async_redis_client
from millstream.settings import Settings
from millstream.topics import FEATURES
from stream.ingest.app import SOURCES, build_app
from stream.ingest.log_guard import LogGuard
from stream.ingest.records import SourceRecord, TopicPartition
from stream.ingest.sequence import ChunkSequence
from stream.metrics import StreamMetrics
from stream.outputs.parquet_sink import OfflineSink
from stream.outputs.producer import MessageProducer
from stream.state.memory import Rules, empty_memory, memory_line
from stream.storage.assigned_store import AssignedStore, RedisShards
from stream.storage.schema import StateCommands
from stream.worker import ConsumerControl, StreamWorker

log = logging.getLogger(__name__)

# How long the batch in work may take when the process is asked to end.
GRACE_S = 10.0
# A partition that the broker has not answered for in this time cannot be called silent.
POLLED_S = 2.0

_FEATURES = TopicPartition(FEATURES.name, 0)

R = TypeVar("R")


class StreamEnded(MillstreamError):
    """A part of the worker stopped without being asked to."""


def main(settings: Settings) -> None:
    """Run the stream worker until SIGTERM or SIGINT.

    Raises:
        LeaseLost: its shards were given to another worker, and it has not noticed.
        MillstreamError: a part is missing, or refuses.
    """
    logs.configure(settings.log_level, settings.log_style)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))


async def _run(settings: Settings) -> None:
    metrics = StreamMetrics(CollectorRegistry())
    serve_metrics(settings.stream_metrics_port, settings.host, metrics.registry)
    await asyncio.to_thread(create_topics, settings)
    commands = StateCommands(settings.topic_prefix, Layouts(settings.feast_project))
    client = async_redis_client(settings.redis_url)
    trouble = metrics.trouble.labels(part="redis")
    name = _name()
    shards = RedisShards(settings.redis_url, client, commands, name, lambda: trouble.inc())
    store = AssignedStore(Rules.of(settings), SystemClock(), shards.begin, name)
    asked_to_end = _asked_to_end()
    try:
        async with _ending(shards.free()) as free:
            await _first(free, asked_to_end)
        if asked_to_end.done():
            return
        async with _ending(shards.watch(store)) as watched:
            await _work(settings, metrics, store, watched, asked_to_end)
    finally:
        store.close()
        await shards.leave()
        await client.aclose()


async def _work(
    settings: Settings,
    metrics: StreamMetrics,
    store: AssignedStore,
    watched: asyncio.Task[None],
    asked_to_end: asyncio.Future[None],
) -> None:
    """Work, until asked to end."""
    clock, rules, trouble = SystemClock(), Rules.of(settings), metrics.trouble.labels
    memory = empty_memory(rules)
    log.info(memory_line(rules))
    parts = _Parts(metrics)
    settings.data_dir.mkdir(parents=True, exist_ok=True)  # Faust makes its folder in it, no other
    app = build_app(settings, parts)
    publisher = MessageProducer(
        app.producer,
        settings,
        lambda: trouble(part="kafka").inc(),
        lambda topic: metrics.dropped.labels(topic=topic.name).inc(),
        clock,
    )
    hold = _holder(app, settings)
    parts.sink = OfflineSink(
        settings.offline_dir, settings.offline_flush_s, metrics, partial(hold, _FEATURES), False
    )
    guard = LogGuard(settings, SOURCES, memory, store, metrics)
    consumer = ConsumerControl(
        hold,
        _door(settings, metrics),
        _polled(app, settings),
        guard.settle,
        lambda: guard.partitions,
    )
    parts.worker = StreamWorker(memory, rules, store, publisher, metrics, clock, consumer)
    await _process(app, parts, watched, asked_to_end)


async def _process(
    app: App,
    parts: "_Parts",
    watched: asyncio.Task[None],
    asked_to_end: asyncio.Future[None],
) -> None:
    async with (
        _ending(_faust(app)) as faust,
        _ending(parts.sink.run()) as sinking,
        _ending(parts.worker.run()) as working,
    ):
        tasks = {"Faust": faust, "sink": sinking, "worker": working, "store": watched}
        try:
            await _supervised(asked_to_end, {**tasks, "agents": parts.crashed})
            log.info("Ending: the batch in work is finished first.")
            parts.worker.stop()
            await asyncio.wait([working], timeout=GRACE_S)
            parts.sink.stop()
            await asyncio.wait([sinking], timeout=GRACE_S)
        finally:
            parts.end()
            await _stop(app)


async def _stop(app: App) -> None:
    """Stop Faust; what does not stop in time, as after a crash of its fetcher, is left behind."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await app.stop()


async def _supervised(
    asked_to_end: asyncio.Future[None], tasks: Mapping[str, asyncio.Future[Any]]
) -> None:
    """Return when asked to end.

    Raises:
        StreamEnded: one of the tasks ended by itself; or what it ended with.
    """
    await _first(asked_to_end, *tasks.values())
    ended = [name for name, task in tasks.items() if task.done()]
    if ended and not asked_to_end.done():
        raise StreamEnded(f"The stream worker ends: {', '.join(ended)} stopped unasked.")


async def _faust(app: App) -> None:
    """Run the Faust app until it stops; re-raise its crash reason."""
    await app.start()
    await app.wait_until_stopped()
    if app.crash_reason is not None:
        raise app.crash_reason


@asynccontextmanager
async def _ending(work: Coroutine[Any, Any, R]) -> AsyncIterator[asyncio.Task[R]]:
    """A task that ends with the block at the latest."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


async def _first(*tasks: asyncio.Future[Any]) -> None:
    """Wait for the first task to finish; re-raise its exception."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


class _Parts:
    """Receivers of the agents' chunks: the worker, and the offline sink."""

    worker: StreamWorker
    sink: OfflineSink

    def __init__(self, metrics: StreamMetrics) -> None:
        self._metrics = metrics
        self._sequence = ChunkSequence()
        self.crashed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        """Nothing is taken any more."""
        self._metrics.ready.set(0)
        self.crashed.cancel()

    async def assigned(self, ends: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """See `stream.ingest.app.Agents`."""
        events = {source: end for source, end in ends.items() if source.topic != FEATURES.name}
        if _FEATURES in ends:
            self.sink.assign()
        positions = await self.worker.assign(events)
        self._sequence.begin(positions)
        self._metrics.ready.set(1)
        return positions

    async def revoked(self) -> None:
        """See `stream.ingest.app.Agents`."""
        self._metrics.ready.set(0)
        await self.worker.release()
        await self.sink.release()

    def failed(self, error: Exception) -> None:
        """See `stream.ingest.app.Agents`."""
        self._metrics.ready.set(0)
        log.error("A chunk could not be taken, the worker ends: %r", error)
        if not self.crashed.done():
            self.crashed.set_exception(error)

    def take(
        self,
        source: TopicPartition,
        records: list[SourceRecord],
        after: int | None,
        behind: int,
        ack: Callable[[], object],
    ) -> None:
        """See `stream.ingest.app.Agents`."""
        if self.crashed.done():
            return  # the chunk before it was not taken
        left_out = self._sequence.follow(source, after, records[0].offset, records[-1].offset)
        self._metrics.left_out.labels(topic=source.topic).inc(left_out)
        self._metrics.observe_lag(source, max(behind, 0))
        if source.topic == FEATURES.name:
            self.sink.put(records, ack)
        else:
            self.worker.put(source, records, behind > 0, ack)


def _door(settings: Settings, metrics: StreamMetrics) -> Door:
    def warn(paths: list[str]) -> None:
        metrics.unknown_fields.inc()
        log.debug("Fields that nothing takes were left out: %s", ", ".join(paths))

    return door(settings.max_event_bytes, settings.unknown_fields, warn)


def _holder(app: App, settings: Settings) -> Callable[[TopicPartition, bool], None]:
    def hold(source: TopicPartition, held: bool) -> None:
        tp = TP(f"{settings.topic_prefix}{source.topic}", source.partition)
        (app.consumer.hold if held else app.consumer.release)(tp)

    return hold


def _polled(app: App, settings: Settings) -> Callable[[TopicPartition], bool]:
    def is_polled(source: TopicPartition) -> bool:
        tp = TP(f"{settings.topic_prefix}{source.topic}", source.partition)
        polled: bool = app.consumer.is_polled(tp, POLLED_S)
        return polled

    return is_polled


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def _asked_to_end() -> asyncio.Future[None]:
    """Done when the process gets SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[None] = loop.create_future()

    def ask() -> None:
        if not asked.done():
            asked.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    return asked
