"""The offline sink: what is on the `features` topic becomes Parquet part files.

Reading and writing files is done by a thread, beside the event loop. A chunk is acknowledged only
when its rows are in a file, so that a sink that was killed reads them again; the appender knows
those that it has.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from features.spec import VIEWS
from features.stores.offline import OfflineAppender, Rotation
from millstream.batches import decode_table, metadata_of
from millstream.errors import InvalidEvent
from stream.metrics import StreamMetrics
from stream.records import Record

log = logging.getLogger(__name__)

CHECK_S = 0.25
_BY_NAME = {view.name: view for view in VIEWS}

Ack = Callable[[], object]


class OfflineSink:
    """Appends the messages of one partition.

    Args:
        root: the offline folder.
        flush_s: rows are written when the first of them is so old, if not before.
    """

    def __init__(self, root: Path, flush_s: float, metrics: StreamMetrics) -> None:
        self._appender = OfflineAppender(root, rotation=Rotation(age_s=flush_s))
        self._metrics = metrics
        self._waiting: list[tuple[list[Record], Ack]] = []
        self._gathered: list[Ack] = []
        self._stopping = False

    def put(self, records: list[Record], ack: Ack) -> None:
        """Take a chunk; `ack` is called when all of it is in files."""
        self._waiting.append((records, ack))

    async def run(self) -> None:
        """Work until `stop`, and write what is left."""
        while not self._stopping:
            await asyncio.sleep(CHECK_S)
            await self._turn(is_last=False)
        await self._turn(is_last=True)

    def stop(self) -> None:
        """End `run`."""
        self._stopping = True

    async def _turn(self, is_last: bool) -> None:
        """Append what came; write it, and acknowledge it, if it is time."""
        chunks, self._waiting = self._waiting, []
        self._gathered += [ack for _, ack in chunks]
        if await asyncio.to_thread(self._append, chunks, is_last):
            acks, self._gathered = self._gathered, []
            for ack in acks:
                ack()

    def _append(self, chunks: list[tuple[list[Record], Ack]], is_last: bool) -> bool:
        """In the thread: whether everything is in files now."""
        for records, _ in chunks:
            for record in records:
                self._append_message(record)
        is_due = is_last or self._appender.is_due()
        if is_due:
            self._appender.flush()
        return is_due

    def _append_message(self, record: Record) -> None:
        try:
            table = decode_table(record.value or b"")
            view = _BY_NAME[metadata_of(table)["view"]]
        except (InvalidEvent, KeyError) as error:
            log.warning("Left out what is no feature rows, at offset %d: %s", record.offset, error)
            return
        rows = self._appender.append(view, record.offset, table)
        self._metrics.offline_rows.labels(view=view.name).inc(rows)
