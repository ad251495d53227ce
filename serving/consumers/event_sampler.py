"""A sample of the interactions that are published, whoever publishes them, as they come."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiokafka import ConsumerRecord

from features.topic_events import STRICT, Door, event_of
from millstream.clock import Clock
from millstream.errors import InvalidEvent
from millstream.events import Interaction
from millstream.topics import INTERACTIONS
from serving.consumers.broker import Broker, RecordReader
from serving.consumers.messages import message_of
from serving.consumers.reading import read_on
from serving.limited_log import LimitedLog

_POLL_MS = 250
# Of one look; what comes between two looks is left out.
_MOST_RECORDS = 100


class EventSampler:
    """Looks at the end of the topic every so often, and hands on what comes just then.

    It costs the same however much is published.

    Args:
        broker: opens readers of topics.
        topic: full name.
        take: takes each interaction, the newest first, and what its user met right before it among
            those that came with it, likewise; from the event loop.
        clock: for checks of event times.
        every_s: pause between two looks, seconds.
        door: what is let in.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        take: Callable[[Interaction, Sequence[str]], object],
        clock: Clock,
        every_s: float,
        door: Door = STRICT,
    ) -> None:
        self._broker, self._topic, self._take = broker, topic, take
        self._clock, self._every_s, self._door = clock, every_s, door
        self._log = LimitedLog(logging.getLogger(__name__), clock)

    async def run(self) -> None:
        """Look until cancelled; a broker that is gone is waited for."""
        await read_on(self._broker, self._topic, self._look_on, self._log)

    async def _look_on(self, reader: RecordReader) -> None:
        while True:
            await self._look(reader)
            await asyncio.sleep(self._every_s)

    async def _look(self, reader: RecordReader) -> None:
        ends = await reader.end_offsets(list(reader.assignment()))
        for partition, end in ends.items():
            reader.seek(partition, end)
        fetched = await reader.getmany(timeout_ms=_POLL_MS, max_records=_MOST_RECORDS)
        for records in fetched.values():
            self.hand_on(records)

    def hand_on(self, records: Sequence[ConsumerRecord]) -> None:
        """Hand on what of some records is an interaction; the rest is the stream's to refuse."""
        met: dict[str, list[str]] = {}
        found: list[tuple[Interaction, list[str]]] = []
        for record in records:
            try:
                event = event_of(message_of(record, INTERACTIONS), self._clock.now(), self._door)
            except InvalidEvent:
                continue
            if isinstance(event, Interaction):
                before = met.get(event.user_id, [])
                found.append((event, before))
                met[event.user_id] = [event.item_id, *before]
        for event, before in reversed(found):
            self._take(event, before)
