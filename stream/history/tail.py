"""The newest part of a log through the stream's own core: what examples are made of.

The state goes on from where the run by bucket ends, batch by batch and in the order of the log, so
that lists, negatives and examples are those of the stream. The clock is that of the events.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import inf

from features.stores.offline import OfflineAppender
from millstream.topics import EXAMPLES, TOUCHES
from stream.history.work import TAIL_PARTITION, Work
from stream.ingest.alignment import DecodedRecord
from stream.ingest.decode import touches_record
from stream.ingest.records import EventRecord, SourceRecord, TopicPartition
from stream.outputs.effects import Effects
from stream.outputs.messages import messages
from stream.processing.batch import process
from stream.processing.prefetch import Prefetch, prefetch
from stream.state.memory import Memory, Rules
from stream.worker import BATCH_EVENTS, BatchStore

# Takes messages of topic `examples`.
Learn = Callable[[bytes], object]
TOUCHED = TopicPartition(TOUCHES.name, 0)


def split(records: Iterable[EventRecord], from_s: float, *, before: bool) -> Iterator[EventRecord]:
    """The records before the first event of `from_s` or later, or those from it on.

    Args:
        from_s: Unix seconds.
    """
    is_before = True
    for record in records:
        is_before = is_before and record.event.event_time < from_s
        if is_before == before:
            yield record
        elif before:
            return


class Tail:
    """One run of the core over records.

    Args:
        memory: restored from `store`.
        work: whose offline folder gets the feature rows; those of an earlier run are removed.
        learn: takes the examples.
    """

    def __init__(
        self, memory: Memory, rules: Rules, store: BatchStore, work: Work, learn: Learn
    ) -> None:
        self._memory, self._rules, self._store, self._learn = memory, rules, store, learn
        self._logs: Mapping[str, str] = work.logs
        memory.logs = dict(work.logs)
        for path in work.offline.glob(f"*/part-p{TAIL_PARTITION}-*"):
            path.unlink()
        self._appender = OfflineAppender(work.offline, TAIL_PARTITION)
        self._number = 0

    async def run(
        self, records: Iterable[EventRecord], on_progress: Callable[[int], object] = lambda _: None
    ) -> int:
        """Work on the records; how many there were."""
        left, now_s, done = iter(records), -inf, 0
        while some := list(islice(left, BATCH_EVENTS)):
            now_s = max([now_s, *(record.event.event_time for record in some)])
            await self._batch(some, now_s)
            done += len(some)
            on_progress(done)
        self._appender.flush()
        return done

    async def _batch(self, records: list[EventRecord], now_s: float) -> None:
        entries: list[DecodedRecord] = list(records)
        while entries:
            needs = prefetch(entries, self._memory, self._rules)
            users, items = self._memory.users, self._memory.items
            missing = users.missing(needs.users), items.missing(needs.items)
            await self._store.load(self._memory, *missing)
            # In a thread, so that the lease is renewed however long the learning takes.
            effects, entries = await asyncio.to_thread(self._worked, needs, now_s)
            await self._store.commit(effects)
            self._memory.shrink()

    def _worked(self, needs: Prefetch, now_s: float) -> tuple[Effects, list[DecodedRecord]]:
        """The effects, and what they ask of items."""
        effects = process(needs, self._memory, self._rules, now_s)
        touches: list[DecodedRecord] = []
        first = self._memory.positions.get(TOUCHED, 0)
        for message in messages(effects):
            if message.topic is EXAMPLES:
                self._learn(message.value)
            elif message.topic is TOUCHES:
                record = SourceRecord(TOUCHED, first + len(touches), None, message.value)
                touches.append(touches_record(record))
        self._append(effects)
        return effects, touches

    def _append(self, effects: Effects) -> None:
        for rows in effects.features:
            log = self._logs.get(rows.source_topic.name)
            table = rows.rows.replace_schema_metadata({"source_log": log} if log else {})
            self._appender.append(rows.view, self._number, table)
            self._number += 1
        if self._appender.is_due():
            self._appender.flush()
