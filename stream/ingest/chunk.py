"""A chunk: what a fetch brings of one partition, as the agents get it."""

from collections.abc import Sequence
from typing import Any

import faust
from aiokafka import ConsumerRecord


class Chunk(list[ConsumerRecord]):
    """A whole fetch of one partition.

    Args:
        records: in the order of their offsets.
        after: one past the last offset of the chunk before it, or where its partition was last
            sought to; None where neither is known.
        era: of the consumer when it was fetched: its partitions' positions were not sought since,
            nor were they taken away.
    """

    def __init__(self, records: Sequence[ConsumerRecord], after: int | None, era: int) -> None:
        super().__init__(records)
        self.after, self.era = after, era


class ChunkSchema(faust.Schema):
    """Leaves keys and values as they came: a chunk's records are decoded by the agent."""

    def loads_key(self, app: Any, message: Any, **options: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **options: Any) -> Any:
        return message.value
