"""The offline sink: what is on the `features` topic becomes Parquet part files.

Reading and writing files is done by a thread, beside the event loop. A chunk is acknowledged only
when its rows are in a file, so that a sink that was killed reads them again; the appender knows
those that it has.

A disk that takes nothing stops nothing else: what is gathered is kept, no more of the topic is
fetched, and writing is tried again until it succeeds.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from features.spec import VIEWS
from features.stores.offline import OfflineAppender, Rotation
from millstream.batches import decode_table, metadata_of
from millstream.errors import InvalidEvent
from stream.ingest.records import SourceRecord
from stream.metrics import StreamMetrics

log = logging.getLogger(__name__)

CHECK_S = 0.25
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
# What a disk says that is full or gone, itself or through pyarrow.
DISK_ERRORS = (OSError, pa.ArrowException)
_BY_NAME = {view.name: view for view in VIEWS}

Ack = Callable[[], object]


class OfflineSink:
    """Appends the messages of one partition.

    Args:
        root: the offline folder.
        flush_s: rows are written when the first of them is so old, if not before.
        hold: called with True to fetch no more of the topic, and with False to go on.
        is_assigned: whether the files are this process's from the beginning.
    """

    def __init__(
        self,
        root: Path,
        flush_s: float,
        metrics: StreamMetrics,
        hold: Callable[[bool], None] = lambda _: None,
        is_assigned: bool = True,
    ) -> None:
        self._root, self._rotation = root, Rotation(age_s=flush_s)
        self._metrics, self._hold = metrics, hold
        self._appender: OfflineAppender | None = None
        self._waiting: list[tuple[list[SourceRecord], Ack]] = []
        self._gathered: list[Ack] = []
        self._stopping = False
        self._using, self._is_assigned = asyncio.Lock(), is_assigned
        self._pause_s, self._paused_until = 0.0, 0.0

    def put(self, records: list[SourceRecord], ack: Ack) -> None:
        """Take a chunk; `ack` is called when all of it is in files."""
        self._waiting.append((records, ack))

    async def run(self) -> None:
        """Work until `stop`, and write what is left."""
        while not self._stopping:
            await asyncio.sleep(CHECK_S)
            if time.monotonic() >= self._paused_until:
                await self._turn(is_last=False)
        await self._turn(is_last=True)

    async def release(self) -> None:
        """Write what there is, and leave the files to whoever has the partition next."""
        await self._turn(is_last=True)
        async with self._using:
            self._appender, self._waiting, self._gathered = None, [], []
            self._is_assigned = False

    def assign(self) -> None:
        """Have the files, until `release`."""
        self._is_assigned = True

    def stop(self) -> None:
        """End `run`."""
        self._stopping = True

    async def _turn(self, is_last: bool) -> None:
        """Append what came; write it, and acknowledge it, if it is time."""
        async with self._using:
            await self._append_waiting(is_last)

    async def _append_waiting(self, is_last: bool) -> None:
        if not self._is_assigned:
            return  # another worker may be writing
        try:
            if self._appender is None:
                self._appender = await asyncio.to_thread(self._opened)
            chunks, self._waiting = self._waiting, []
            self._gathered += [ack for _, ack in chunks]
            is_written = await asyncio.to_thread(self._append, self._appender, chunks, is_last)
        except DISK_ERRORS as error:
            self._pause(error)
            return
        if self._pause_s:
            log.info("The offline store is written again.")
            self._pause_s = 0.0
            self._hold(False)
        if is_written:
            acks, self._gathered = self._gathered, []
            for ack in acks:
                ack()

    def _opened(self) -> OfflineAppender:
        return OfflineAppender(self._root, rotation=self._rotation)

    def _pause(self, error: Exception) -> None:
        """Keep what there is and try again later."""
        self._metrics.trouble.labels(part="offline").inc()
        self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        self._paused_until = time.monotonic() + self._pause_s
        self._hold(True)
        log.error(
            "Feature rows are not written to %s, trying again in %g s: %s",
            self._root,
            self._pause_s,
            error,
        )

    def _append(
        self, appender: OfflineAppender, chunks: list[tuple[list[SourceRecord], Ack]], is_last: bool
    ) -> bool:
        """In the thread: whether everything is in files now."""
        for records, _ in chunks:
            for record in records:
                self._append_message(appender, record)
        is_due = is_last or appender.is_due()
        if is_due:
            appender.flush()
        return is_due

    def _append_message(self, appender: OfflineAppender, record: SourceRecord) -> None:
        try:
            table = decode_table(record.value or b"")
            view = _BY_NAME[metadata_of(table)["view"]]
            rows = appender.append(view, record.offset, table)
        except (InvalidEvent, KeyError, pa.ArrowException) as error:
            log.warning("Left out what is no feature rows, at offset %d: %s", record.offset, error)
            return
        self._metrics.offline_rows.labels(view=view.name).inc(rows)
