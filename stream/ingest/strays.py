"""Strays: events that a producer has put into another partition than that of their user.

A producer that hashes keys otherwise than Kafka's own clients do, or sends without keys, spreads
what belongs together. Such events are not worked on where they lie: they are moved, as they came,
to the partition of their user, and are worked on there. Should a crash make them be moved twice,
the second one is a duplicate: it has the id of the first.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from millstream.partitioning import partitions_of
from millstream.topics import BY_USER
from stream.ingest.alignment import DecodedRecord
from stream.ingest.records import EventRecord, SourceRecord, StrayRecord, TopicPartition

log = logging.getLogger(__name__)

_OWNED = frozenset(topic.name for topic in BY_USER)


class Strays:
    """Check of the partition of each event.

    Args:
        partitions: how many a topic has, by its name; what is not named is not checked.
    """

    def __init__(self, partitions: Callable[[], Mapping[str, int]]) -> None:
        self._partitions = partitions
        self._told: set[str] = set()

    def told_apart(
        self,
        source: TopicPartition,
        entries: Sequence[DecodedRecord],
        records: Sequence[SourceRecord],
    ) -> Sequence[DecodedRecord]:
        """The entries, with strays for those that belong elsewhere.

        Args:
            source: that all of them were read from.
            records: that the entries were made of, one each.
        """
        count = self._partitions().get(source.topic, 1) if source.topic in _OWNED else 1
        if count == 1:
            return entries
        places = [n for n, entry in enumerate(entries) if type(entry) is EventRecord]
        users = [entries[n].event.user_id.encode() for n in places]  # type: ignore[union-attr]
        partitions = partitions_of(users, count)
        wrong = np.flatnonzero(partitions != source.partition).tolist()
        if not wrong:
            return entries
        self._tell(source.topic)
        found = list(entries)
        for n in wrong:
            place = places[n]
            event = entries[place].event  # type: ignore[union-attr]
            found[place] = StrayRecord(records[place], event, int(partitions[n]))
        return found

    def _tell(self, topic: str) -> None:
        if topic not in self._told:
            self._told.add(topic)
            log.warning(
                "Events of topic %s lie in other partitions than that of their user, and are moved:"
                " a producer hashes keys otherwise, or sends none. With librdkafka set"
                " partitioner=murmur2_random.",
                topic,
            )
