"""How this worker stands, told to operators: which snapshot it serves, which command it obeys."""

import asyncio
import os
import socket

from millstream.clock import Clock
from millstream.snapshots import ServedState
from millstream.snapshots.served_state import TOLD_EVERY_S
from millstream.topics import SERVING
from serving.consumers.producer import EventProducer
from serving.consumers.snapshots import SnapshotFollower
from serving.model.models import Models


class StatusReporter:
    """Tells topic `serving` about once a second what is served.

    Args:
        port: of the worker's HTTP server: with host and process it names the worker.
    """

    def __init__(
        self,
        models: Models,
        follower: SnapshotFollower,
        producer: EventProducer,
        clock: Clock,
        port: int,
    ) -> None:
        self._models, self._follower = models, follower
        self._producer, self._clock = producer, clock
        self._worker = f"{socket.gethostname()}:{port}:{os.getpid()}"

    def state(self) -> ServedState:
        """As it is now."""
        model = self._models.current
        return ServedState(
            worker=self._worker,
            version=model.version if model is not None else None,
            control=self._follower.control.number,
            trouble=self._follower.trouble,
            told_at=self._clock.now(),
        )

    async def run(self) -> None:
        """Tell until cancelled; what the broker does not take is told anew the next time."""
        while True:
            state = self.state()
            await self._producer.tell(SERVING, state.worker.encode(), state.encode())
            await asyncio.sleep(TOLD_EVERY_S)
