"""Shards: what one worker has at a time. A partition of users, or the items' side.

`u7` is partition 7 of the topics that are keyed by user, `items` are the catalogue and what events
ask of items. Kafka's consumer group says whose each one is; its state goes with it.
"""

from collections.abc import Iterable

from millstream.topics import ITEMS, TOUCHES
from stream.ingest.records import TopicPartition

ITEM_SIDE = "items"
_OF_ITEMS = frozenset({ITEMS.name, TOUCHES.name})


def shard_of(source: TopicPartition) -> str:
    """The shard that a partition belongs to.

    >>> shard_of(TopicPartition("users", 7)), shard_of(TopicPartition("touches", 0))
    ('u7', 'items')
    """
    return ITEM_SIDE if source.topic in _OF_ITEMS else f"u{source.partition}"


def shards_of(sources: Iterable[TopicPartition]) -> list[str]:
    """The shards of some partitions, in their order."""
    return sorted({shard_of(source) for source in sources})
