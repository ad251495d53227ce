"""Which snapshot to serve: what the trainer names last, unless an operator has said otherwise."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from aiokafka import ConsumerRecord

from millstream.clock import Clock
from millstream.errors import InvalidEvent, SnapshotError
from millstream.snapshots import Announcement, Control, Manifest, SnapshotReader, read_control
from millstream.snapshots.control import ACTIONS
from millstream.topics import SNAPSHOTS
from serving.limited_log import LimitedLog
from serving.metrics import Metrics
from serving.model.models import Models

_POLL_S = 1.0
_FAILED_REMEMBERED = 1_000


class SnapshotFollower:
    """Brings the version into service that is asked for, or the newest sound one in its place.

    The trainer names versions: announcements are taken from the moment the worker starts, and
    `LATEST` says where things stand before that. Both say the same, the file a little later; what
    counts is what changed last. An operator's command in `CONTROL` stands above both until it is
    lifted.

    Attributes:
        control: the command that has been taken over.
        trouble: why that is not served which it asks for; empty where it is.
    """

    def __init__(
        self, reader: SnapshotReader, models: Models, clock: Clock, metrics: Metrics
    ) -> None:
        self.control = Control()
        self.trouble = ""
        self._reader = reader
        self._models = models
        self._metrics = metrics
        self._latest: int | None = None
        self._named: int | None = None
        self._asked = Control()  # the newest command that was read
        self._tried: tuple[int, int] | None = None  # command and version
        self._failed: deque[int] = deque(maxlen=_FAILED_REMEMBERED)
        self._changed = asyncio.Event()
        self._log = LimitedLog(logging.getLogger(__name__), clock)
        metrics.pinned_version.set_function(lambda: self.control.version or 0)

    @property
    def expects_model(self) -> bool:
        """True if there is a snapshot to serve."""
        return self._wanted() is not None

    def announced(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of topic `snapshots`."""
        for record in records:
            try:
                announcement = Announcement.decode(record.value or b"")
            except InvalidEvent as error:
                self._metrics.feed_errors.labels(SNAPSHOTS.name).inc()
                self._log.warn_of("announcement", str(error))
                continue
            if announcement.status != "held":
                self._name(announcement.version)

    def poll(self) -> None:
        """Look at `CONTROL` and `LATEST`; the latter counts when it has changed since.

        Where there is no `LATEST`, the newest version stands for it.
        """
        try:
            self._asked = read_control(self._reader.root)
        except SnapshotError as error:
            self._log.warn_of("control", f"The command before stands: {error}")
        latest = self._reader.latest() or max(self._reader.versions(), default=None)
        if latest is not None and latest != self._latest:
            self._latest = latest
            self._name(latest)

    async def run(self) -> None:
        """Serve what is wanted, until cancelled. Versions named while one loads are skipped."""
        while True:
            self.poll()
            self._changed.clear()
            await self._obey()
            try:
                await asyncio.wait_for(self._changed.wait(), _POLL_S)
            except TimeoutError:
                continue

    async def _obey(self) -> None:
        control, wanted = self._asked, self._wanted()
        if wanted is None:
            self._take_over(control, "")
        elif self._tried != (control.number, wanted):
            self._tried = (control.number, wanted)
            is_served = await self._models.serve(
                wanted, forced=control.forced, exact=not control.follows
            )
            if not is_served:
                await self._fall_back(control, wanted)
            self._take_over(control, "" if is_served or control.follows else self._models.why_not)

    def _take_over(self, control: Control, trouble: str) -> None:
        self.control, self.trouble = control, trouble
        for action in ACTIONS:
            self._metrics.control.labels(action).set(action == control.action)

    async def _fall_back(self, control: Control, wanted: int) -> None:
        """Serve the newest sound version that may stand in for `wanted`, if there is one.

        Where a version was chosen, what is served goes on; only a worker that has none takes
        another, an older one first: what came after the chosen one may be why it was chosen.
        """
        self._failed.append(wanted)
        current = self._models.current
        if control.follows:
            await self._serve_newest(above=0 if current is None else current.version)
        elif current is None:
            await self._serve_newest(below=wanted) or await self._serve_newest()

    async def _serve_newest(self, above: int = 0, below: float = float("inf")) -> bool:
        def may_stand_in(manifest: Manifest) -> bool:
            is_new = above < manifest.version < below and manifest.version not in self._failed
            return is_new and not manifest.is_held

        while True:
            found = await asyncio.to_thread(self._reader.newest_sound, may_stand_in)
            if found is None or await self._models.serve(found):
                return found is not None
            self._failed.append(found)

    def _wanted(self) -> int | None:
        return self._named if self._asked.follows else self._asked.version

    def _name(self, version: int) -> None:
        self._named = version
        self._changed.set()
