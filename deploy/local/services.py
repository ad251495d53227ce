"""Both services at once, for as long as a block lasts."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.kafka import kafka_service
from deploy.local.process import ServiceError
from deploy.local.redis import redis_service
from deploy.local.service import Service

ATTEMPTS = 3


@dataclass(frozen=True)
class LocalServices:
    """A broker and a Redis that answer.

    Either may be ended and started again (`services.kafka.kill()`, `services.kafka.start()`); its
    address stays, and its data too where `services.kafka.durable`.
    """

    kafka: Service
    redis: Service
    folder: Path

    @property
    def bootstrap_servers(self) -> str:
        """For Kafka clients."""
        return self.kafka.address

    @property
    def redis_url(self) -> str:
        """For Redis clients."""
        return self.redis.address

    @property
    def kind(self) -> str:
        """Which broker this is: `external`, `apache` or `tansu`."""
        return self.kafka.kind

    def environment(self) -> dict[str, str]:
        """Environment variables by which worker processes find both."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "REDIS_URL": self.redis_url,
        }


@contextmanager
def local_services(data_dir: Path | None = None) -> Iterator[LocalServices]:
    """Start a broker and a Redis, and end them with the block.

    Args:
        data_dir: where they keep data and logs; a temporary folder, removed afterwards, by default.

    Raises:
        ServiceError: one of them is not to be had or did not come up.
    """
    with ExitStack() as stack:
        folder = data_dir or Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="millstream-", ignore_cleanup_errors=True)
            )
        )
        redis = _started(lambda: redis_service(folder / "redis"))
        stack.callback(redis.stop)
        kafka = _started(lambda: kafka_service(folder / "kafka"))
        stack.callback(kafka.stop)
        yield LocalServices(kafka, redis, folder)


def _started(make: Callable[[], Service]) -> Service:
    """Start a new one; again on another port where somebody took the free one just now."""
    for attempt in range(1, ATTEMPTS + 1):
        service = make()
        try:
            service.start()
        except ServiceError as error:
            if attempt == ATTEMPTS or "ddress already in use" not in str(error):
                raise
        else:
            break
    return service
