"""The thread in which Faust's consumer fetches: the broker answers it soon."""

from collections.abc import Iterable
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

# How long a broker keeps a fetch that finds nothing. aiokafka has one fetch under way per broker: a
# partition that has just been read out waits for that of the others. Faust's 1.5 s would be the
# latency of a busy partition among idle ones.
FETCH_WAIT_MS = 50


class ChunkThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches."""

    logger = driver.logger

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def seek_committed(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Seek partitions to what the group has committed of them, one after the other."""
        wanted = driver.ensure_aiokafka_TPset(tps)
        seek = self._ensure_consumer().seek_to_committed
        return dict(await self.call_thread(seek, *wanted)) if wanted else {}
