"""Reading of a topic for as long as a worker lives, whatever happens to the broker."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NoReturn

from aiokafka.errors import KafkaError

from millstream.errors import LogUnavailable
from serving.consumers.broker import Broker, RecordReader
from serving.limited_log import LimitedLog

_RETRY_S = 1.0


async def read_on(
    broker: Broker, topic: str, read: Callable[[RecordReader], Awaitable[object]], log: LimitedLog
) -> NoReturn:
    """Read until cancelled; a broker that is gone is waited for.

    Args:
        broker: opens readers of topics.
        topic: full name.
        read: reads from an open reader; where it fails it gets a new one after a pause.
        log: takes why the topic cannot be read.
    """
    while True:
        try:
            await _read_once(broker, topic, read)
        except (KafkaError, OSError, LogUnavailable) as error:
            log.warn_of("broker", f"Topic {topic} cannot be read: {error!r}")
        await asyncio.sleep(_RETRY_S)


async def _read_once(
    broker: Broker, topic: str, read: Callable[[RecordReader], Awaitable[object]]
) -> None:
    reader = broker.reader(topic)
    try:
        await reader.start()
        await read(reader)
    finally:
        with contextlib.suppress(KafkaError):
            await reader.stop()
