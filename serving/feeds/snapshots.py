"""Which snapshot to serve: announcements from Kafka, and the `LATEST` file where there are none."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import ConsumerRecord

from millstream.clock import Clock
from millstream.errors import InvalidEvent
from millstream.snapshots import Announcement, SnapshotReader
from serving.limited_log import LimitedLog
from serving.model.models import Models

_POLL_S = 1.0


class SnapshotFollower:
    """Brings the version into service that was named last.

    Announcements are taken from the moment the worker starts, and `LATEST` says where things stand
    before that. Both say the same, the file a little later; what counts is what changed last.
    """

    def __init__(self, reader: SnapshotReader, models: Models, clock: Clock) -> None:
        self._reader = reader
        self._models = models
        self._latest: int | None = None
        self._wanted: int | None = None
        self._changed = asyncio.Event()
        self._log = LimitedLog(logging.getLogger(__name__), clock)

    @property
    def expects_model(self) -> bool:
        """Whether a snapshot has been named."""
        return self._latest is not None or self._wanted is not None

    def announced(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of topic `snapshots`."""
        for record in records:
            try:
                announcement = Announcement.decode(record.value or b"")
            except InvalidEvent as error:
                self._log.warn_of("announcement", str(error))
                continue
            if announcement.status != "held":
                self._want(announcement.version)

    def poll(self) -> None:
        """Look at `LATEST`; it counts when it has changed since the last look."""
        latest = self._reader.latest()
        if latest is not None and latest != self._latest:
            self._latest = latest
            self._want(latest)

    async def run(self) -> None:
        """Serve what is wanted, until cancelled. Versions named while one loads are skipped."""
        while True:
            self.poll()
            wanted, self._wanted = self._wanted, None
            self._changed.clear()
            if wanted is not None:
                await self._models.serve(wanted)
            try:
                await asyncio.wait_for(self._changed.wait(), _POLL_S)
            except TimeoutError:
                continue

    def _want(self, version: int) -> None:
        self._wanted = version
        self._changed.set()
