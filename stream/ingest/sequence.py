"""Chunks of a partition follow one another: what the process was given, it must not lose."""

import logging
from collections.abc import Mapping

from millstream.errors import MillstreamError
from millstream.topics import TOPICS
from stream.ingest.records import TopicPartition

log = logging.getLogger(__name__)

_COMPACTED = frozenset(topic.name for topic in TOPICS if topic.cleanup == "compact")


class ChunkLost(MillstreamError):
    """A chunk was fetched and did not arrive."""


class ChunkSequence:
    """Next expected offset of each partition."""

    def __init__(self) -> None:
        self._next: dict[TopicPartition, int] = {}

    def begin(self, positions: Mapping[TopicPartition, int]) -> None:
        """Partitions are read from these positions on."""
        self._next = dict(positions)

    def follow(self, source: TopicPartition, after: int | None, first: int, last: int) -> int:
        """Note a chunk; how many offsets the broker has left out before it.

        Compacted topics have gaps, and transactions leave some; what a topic's retention took
        before it was read is lost.

        Args:
            after: one past the last offset of the chunk that was fetched before it, if any.
            first, last: offsets of the chunk.

        Raises:
            ChunkLost: the chunk that was fetched before it is not the one that came before it.
        """
        expected = self._next.get(source, after)
        if after is not None and expected is not None and after > expected:
            raise ChunkLost(
                f"Chunks must follow one another. Expected one of {source.topic}:"
                f"{source.partition} after offset {expected}. Received: one after {after}."
            )
        self._next[source] = last + 1
        left_out = 0 if after is None or source.topic in _COMPACTED else max(first - after, 0)
        if left_out:
            log.warning(
                "%d offsets before %d of %s:%d were gone before they were read.",
                left_out,
                first,
                *source,
            )
        return left_out
