"""The stream's positions belong to logs: compared at every assignment, before anything is read."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from millstream.errors import LogUnavailable
from millstream.log_identity import Start, TopicLog, begin, logs_of
from millstream.settings import Settings
from millstream.topics import IMPRESSIONS, Topic
from stream.ingest.records import TopicPartition
from stream.metrics import StreamMetrics
from stream.state.memory import Memory
from stream.state.open_windows import OpenWindow

log = logging.getLogger(__name__)

RETRY_S = 1.0

Logs = Callable[[Settings, Iterable[Topic]], Mapping[Topic, TopicLog]]


class LogStore(Protocol):
    """Store of the positions."""

    def begin_logs(
        self,
        logs: Mapping[TopicPartition, str],
        gone: Iterable[TopicPartition],
        open_windows: Mapping[str, OpenWindow],
    ) -> Awaitable[None]:
        """Note that topics are other logs now."""
        ...


class LogGuard:
    """Brings memory and store to the logs that the brokers have.

    Args:
        topics: that the stream reads.
        logs: looks at the brokers; blocks.

    Attributes:
        partitions: how many each topic had when it was last compared.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Iterable[Topic],
        memory: Memory,
        store: LogStore,
        metrics: StreamMetrics,
        logs: Logs = logs_of,
    ) -> None:
        self._settings, self._topics = settings, tuple(topics)
        self._memory, self._store, self._metrics = memory, store, metrics
        self._logs = logs
        self.partitions: dict[str, int] = {}

    async def settle(self, sources: Collection[TopicPartition]) -> None:
        """Compare; no batch may be under way.

        Args:
            sources: the partitions that are read here.

        Raises:
            LogChanged: a log is another one, and the settings say that it stops the worker.
        """
        starts = {topic.name: found for topic, found in (await self._starts()).items()}
        noted = self._memory.source_logs
        own = [source for source in sources if source.topic in starts]
        new = {
            source: starts[source.topic].identity
            for source in own
            if starts[source.topic].identity != noted.get(source, "")
        }
        gone = [s for s in self._memory.positions if _is_gone(s, starts)]
        for name, found in starts.items():
            self._metrics.log_changed(name, found.changes, found.missed)
        lists = starts.get(IMPRESSIONS.name)
        is_new = lists is not None and bool({"other", "cut"} & set(lists.changes))
        open_windows = self._memory.join.detached() if is_new else {}
        if new or gone:
            await self._store.begin_logs(new, gone, open_windows)
        self._remember(starts, gone)
        noted.update(new)

    async def _starts(self) -> dict[Topic, Start]:
        while True:
            try:
                return await asyncio.to_thread(self._compared)
            except LogUnavailable as error:
                log.warning("Waiting for Kafka: %s", error)
                await asyncio.sleep(RETRY_S)

    def _compared(self) -> dict[Topic, Start]:
        memory, settings = self._memory, self._settings
        logs = self._logs(settings, self._topics)
        self.partitions = {topic.name: len(now.ends) for topic, now in logs.items()}
        found = {}
        for topic, now in logs.items():
            # Of partitions that came from another worker it may have been seen already.
            known: dict[str, dict[int, int]] = {}
            for source, offset in memory.positions.items():
                if source.topic == topic.name:
                    identity = memory.source_logs.get(source, "")
                    known.setdefault(identity, {})[source.partition] = offset
            groups = known or {memory.logs.get(topic.name, ""): {}}
            found[topic] = _together(
                [begin(settings, topic, now, log, at) for log, at in groups.items()]
            )
        return found

    def _remember(self, starts: Mapping[str, Start], gone: Iterable[TopicPartition]) -> None:
        memory = self._memory
        for source in gone:
            memory.positions.pop(source, None)
            memory.watermark.max_event_times.pop(source, None)
        for name, found in starts.items():
            if found.identity:
                memory.logs[name] = found.identity
            for partition, offset in found.positions.items():
                memory.positions[TopicPartition(name, partition)] = offset


def _together(starts: Sequence[Start]) -> Start:
    """Starts of several partitions of one topic."""
    changes = dict.fromkeys(change for each in starts for change in each.changes)
    return Start(
        max(each.identity for each in starts),
        {n: offset for each in starts for n, offset in each.positions.items()},
        list(changes),
        sum(each.missed for each in starts),
    )


def _is_gone(source: TopicPartition, starts: Mapping[str, Start]) -> bool:
    """Return whether a position is of an earlier log."""
    found = starts.get(source.topic)
    return found is not None and source.partition not in found.positions
