"""The offline sink: what is on the `features` topic becomes Parquet part files.

A chunk is acknowledged only when its rows are in a file, so that a sink that was killed reads them
again; the appender knows those that it has.
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

CHECK_S = 0.5
_BY_NAME = {view.name: view for view in VIEWS}


class OfflineSink:
    """Appends the messages of one partition.

    Args:
        root: the offline folder.
        flush_s: rows are written when the first of them is so old, if not before.
    """

    def __init__(self, root: Path, flush_s: float, metrics: StreamMetrics) -> None:
        self._appender = OfflineAppender(root, rotation=Rotation(age_s=flush_s))
        self._metrics = metrics
        self._acks: list[Callable[[], object]] = []

    def put(self, records: list[Record], ack: Callable[[], object]) -> None:
        """Take a chunk; `ack` is called when all of it is in files."""
        for record in records:
            self._append(record)
        self._acks.append(ack)

    async def run(self) -> None:
        """Write whenever it is due, for ever."""
        while True:
            await asyncio.sleep(CHECK_S)
            if self._appender.is_due():
                self.flush()

    def flush(self) -> None:
        """Write what was taken, and acknowledge it."""
        self._appender.flush()
        acks, self._acks = self._acks, []
        for ack in acks:
            ack()

    def _append(self, record: Record) -> None:
        try:
            table = decode_table(record.value or b"")
            view = _BY_NAME[metadata_of(table)["view"]]
        except (InvalidEvent, KeyError) as error:
            log.warning("Left out what is no feature rows, at offset %d: %s", record.offset, error)
            return
        rows = self._appender.append(view, record.offset, table)
        self._metrics.offline_rows.labels(view=view.name).inc(rows)
