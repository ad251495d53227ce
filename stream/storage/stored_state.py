"""What Redis holds beside users and items, as replies, and what of it goes into a memory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf

import msgspec

from features.availability import Span
from features.upserts import UpsertVersion
from millstream.topics import IMPRESSIONS, INTERACTIONS, TOUCHES
from stream.ingest.records import TopicPartition
from stream.state.impression_join import early_partition
from stream.state.memory import Memory
from stream.state.open_windows import OpenWindow
from stream.state.shards import ITEM_SIDE, shards_of
from stream.state.watermark import CLOCK
from stream.storage.schema import field_of, sources_from

_OPEN_WINDOW = msgspec.msgpack.Decoder(OpenWindow)
_DELETION = msgspec.msgpack.Decoder(tuple[float, str, float])
_SPAN = msgspec.msgpack.Decoder(Span)
_ATTRIBUTED = msgspec.msgpack.Decoder(list[str])
_LISTS = IMPRESSIONS.name

Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class StoredState:
    """Replies to `StateCommands.restore`, in their order."""

    positions: list[bytes]
    reached: list[bytes]
    touched: list[bytes]
    known: list[bytes]
    hidden: Collection[bytes]
    waiting: list[bytes]
    answered: list[bytes]
    logs: list[bytes]
    recent: list[bytes]
    deleted: list[bytes]
    holes: Collection[bytes]
    spans: list[bytes]

    def fill(
        self, memory: Memory, now_s: float, sources: Collection[TopicPartition] | None
    ) -> None:
        """Fill an empty memory with the state of some partitions; None is all."""
        self._fill_places(memory, sources)
        self._fill_lists(memory, now_s, sources)
        memory.has_items = sources is None or ITEM_SIDE in shards_of(sources)
        if memory.has_items:
            self._fill_items(memory)

    def _fill_places(self, memory: Memory, sources: Collection[TopicPartition] | None) -> None:
        positions = {s: int(offset) for s, offset in sources_from(self.positions).items()}
        reached = sources_from(self.reached)
        logs = {name.decode(): log.decode() for name, log in pairs(self.logs)}
        memory.logs = {name: log for name, log in logs.items() if ":" not in name}
        known = positions if sources is None else sources
        memory.source_logs = {s: logs.get(field_of(s), logs.get(s.topic, "")) for s in known}
        memory.positions = {s: n for s, n in positions.items() if sources is None or s in sources}
        for source, time_s in reached.items():
            is_own = sources is None or source in sources
            if source.topic not in (TOUCHES.name, CLOCK.topic) and is_own:
                memory.watermark.max_event_times[source] = time_s
        self._fill_clock(memory, reached)

    def _fill_clock(self, memory: Memory, reached: Mapping[TopicPartition, float]) -> None:
        """What the clock has decided in every partition of lists."""
        lists = (s.partition for s in memory.positions if s.topic == _LISTS)
        clocks = [reached.get(TopicPartition(CLOCK.topic, n), -inf) for n in lists]
        if clocks and min(clocks) > -inf:
            memory.watermark.max_event_times[CLOCK] = min(clocks)

    def _fill_lists(
        self, memory: Memory, now_s: float, sources: Collection[TopicPartition] | None
    ) -> None:
        lists = {request: _OPEN_WINDOW.decode(value) for request, value in pairs(self.waiting)}
        answered = {request: _ATTRIBUTED.decode(value) for request, value in pairs(self.answered)}
        if sources is not None:
            own = {source.partition for source in sources if source.topic == _LISTS}
            theirs = {r for r, window in lists.items() if window.partition not in own}
            early = {r: early_partition(keys) for r, keys in answered.items() if r not in lists}
            theirs |= {r for r, n in early.items() if n >= 0 and n not in own}
            lists = {r: window for r, window in lists.items() if r not in theirs}
            answered = {r: keys for r, keys in answered.items() if r not in theirs}
        memory.join.restore(
            {request.decode(): window for request, window in lists.items()},
            {request.decode(): keys for request, keys in answered.items()},
            now_s,
        )

    def _fill_items(self, memory: Memory) -> None:
        """The items' side, which its worker alone has: another would write it back as it was."""
        for source, time_s in sources_from(self.reached).items():
            if source.topic == TOUCHES.name:
                of_events = TopicPartition(INTERACTIONS.name, source.partition)
                memory.item_clock.max_event_times[of_events] = time_s
        for name, offset in pairs(self.touched):
            log, _, partition = name.decode().rpartition(":")
            memory.touched[log, int(partition)] = int(offset)
        memory.known_items.restore(
            map(bytes.decode, self.known),
            map(bytes.decode, self.hidden),
            {item.decode(): _deletion(value) for item, value in pairs(self.deleted)},
            map(int, self.holes),
        )
        spans = {item.decode(): _SPAN.decode(value) for item, value in pairs(self.spans)}
        memory.known_items.schedule.restore(spans)
        memory.recent_positives.restore(self.recent)


def pairs(reply: list[bytes]) -> Pairs:
    """A hash as it is replied."""
    return list(zip(reply[::2], reply[1::2], strict=True))


def _deletion(value: bytes) -> tuple[UpsertVersion, float]:
    event_time, event_id, noted_at = _DELETION.decode(value)
    return UpsertVersion(event_time, event_id), noted_at
