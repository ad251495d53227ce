"""The stream worker as a process: settings to objects, started, watched and ended in order."""

import asyncio
import logging
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import uvloop
from faust import App
from faust.types import TP
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from features.stores.redis_online import Layouts
from millstream import logs
from millstream.clock import SystemClock
from millstream.kafka import create_topics
from millstream.metrics import serve_metrics
from millstream.settings import Settings
from millstream.topics import FEATURES
from stream.app import build_app
from stream.lease import Lease
from stream.memory import Rules, empty_memory
from stream.metrics import StreamMetrics
from stream.publisher import Publisher
from stream.records import Record, Source
from stream.sink import OfflineSink
from stream.state_commands import StateCommands
from stream.state_store import StateStore
from stream.worker import Worker

log = logging.getLogger(__name__)

# How long the batch in work may take when the process is asked to end.
GRACE_S = 10.0

R = TypeVar("R")


def main(settings: Settings) -> None:
    """Run the stream worker until SIGTERM or SIGINT.

    Raises:
        LeaseLost: another stream worker has taken over.
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
    client = Redis.from_url(settings.redis_url)
    lease = Lease(client, commands.key("lease"), commands.key("epoch"), _name())
    asked_to_end = _asked_to_end()
    try:
        async with _ending(lease.acquire()) as acquired:
            await _first(acquired, asked_to_end)
        if lease.epoch:
            await _hold_lease(settings, metrics, commands, lease, asked_to_end)
    finally:
        await lease.release()
        await client.aclose()


async def _hold_lease(
    settings: Settings,
    metrics: StreamMetrics,
    commands: StateCommands,
    lease: Lease,
    asked_to_end: asyncio.Future[None],
) -> None:
    """Work, until asked to end."""
    clock, rules, trouble = SystemClock(), Rules.of(settings), metrics.trouble.labels
    memory = empty_memory(rules)
    store = StateStore(
        settings.redis_url, commands, lease.epoch, lambda: trouble(part="redis").inc()
    )
    parts = _Parts(metrics)
    app = build_app(settings, parts)
    publisher = Publisher(app.producer, settings, lambda: trouble(part="kafka").inc())
    parts.sink = OfflineSink(settings.offline_dir, settings.offline_flush_s, metrics)
    parts.worker = Worker(memory, rules, store, publisher, metrics, clock, _holder(app, settings))
    async with _ending(lease.keep()) as kept:
        async with _ending(store.restore(memory, clock.now())) as restored:
            await _first(restored, kept, asked_to_end)
        if restored.done():
            await _process(app, parts, kept, asked_to_end)
    store.close()


async def _process(
    app: App, parts: "_Parts", kept: asyncio.Task[None], asked_to_end: asyncio.Future[None]
) -> None:
    async with (
        _ending(_faust(app)) as faust,
        _ending(parts.sink.run()) as sinking,
        _ending(parts.worker.run()) as working,
    ):
        try:
            await _first(asked_to_end, faust, sinking, working, kept)
            log.info("Ending: the batch in work is finished first.")
            parts.worker.stop()
            await asyncio.wait([working], timeout=GRACE_S)
            parts.sink.stop()
            await asyncio.wait([sinking], timeout=GRACE_S)
        finally:
            await app.stop()


async def _faust(app: App) -> None:
    """Run the app; it ends when it is stopped, or with what it crashed of."""
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
    """Wait for the first of them to end; raises what it ended with."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


class _Parts:
    """What the agents hand chunks to: the worker, and the offline sink."""

    worker: Worker
    sink: OfflineSink

    def __init__(self, metrics: StreamMetrics) -> None:
        self._metrics = metrics

    async def assigned(self, ends: Mapping[Source, int]) -> Mapping[Source, int]:
        """See `stream.app.Agents`."""
        events = {source: end for source, end in ends.items() if source.topic != FEATURES.name}
        return await self.worker.assign(events)

    def take(
        self, source: Source, records: list[Record], behind: int, ack: Callable[[], object]
    ) -> None:
        """See `stream.app.Agents`."""
        self._metrics.observe_lag(source, max(behind, 0))
        if source.topic == FEATURES.name:
            self.sink.put(records, ack)
        else:
            self.worker.put(source, records, behind > 0, ack)


def _holder(app: App, settings: Settings) -> Callable[[Source, bool], None]:
    def hold(source: Source, held: bool) -> None:
        tp = TP(f"{settings.topic_prefix}{source.topic}", source.partition)
        (app.consumer.hold if held else app.consumer.release)(tp)

    return hold


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
