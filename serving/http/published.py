"""What became of each event that the log was to take."""

from collections.abc import Sequence

from millstream.errors import LogUnavailable
from millstream.events import Event
from serving.feeds.publisher import Publisher


async def published(publisher: Publisher, events: Sequence[Event]) -> list[Exception | None]:
    """One outcome an event, in their order: None where the log has it."""
    try:
        await publisher.publish(events)
    except LogUnavailable as error:
        return [error] * len(events)
    return [None] * len(events)
