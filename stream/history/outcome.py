"""What comes out of a run over history, read from its folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

import msgspec
import pyarrow as pa

from features.availability import Span
from features.feature import Entity, View
from features.spec import VIEWS
from millstream import erasures
from millstream.erasures import Erasure
from millstream.topics import INTERACTIONS
from stream.history.scan import Scanned
from stream.history.work import Work, read_table
from stream.ingest.records import TopicPartition
from stream.outputs.effects import Effects, FeatureRows, SeenEntries, StateWrites
from stream.state.recent_positives import KEPT

_ENCODE = msgspec.msgpack.Encoder().encode
# Entities that are written to a store at once.
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Outcome:
    """The final state, and the last feature rows."""

    work: Work
    scanned: Scanned

    def entities(self, entity: Entity) -> Iterator[tuple[str, bytes]]:
        """Ids and entities as the stream stores them."""
        for bucket in range(self.work.buckets):
            table = read_table(self.work.state(entity, bucket))
            yield from zip(table["id"].to_pylist(), table["stored"].to_pylist(), strict=True)

    def online(self, view: View) -> Iterator[pa.Table]:
        """The last row of each entity, bucket by bucket."""
        for bucket in range(self.work.buckets):
            path = self.work.online(view, bucket)
            if path.exists():
                yield read_table(path)

    def rest(self, entity: Entity) -> Iterator[dict[str, Any]]:
        """What else each bucket left."""
        for bucket in range(self.work.buckets):
            yield msgspec.msgpack.decode(self.work.rest(entity, bucket).read_bytes())

    def recent_positives(self) -> list[bytes]:
        """The newest positives, the newest last, as the store keeps them."""
        found = [tuple(p) for rest in self.rest("user") for p in rest["positives"]]
        newest = sorted(nlargest(KEPT, found))
        return [_ENCODE((before, item)) for _, before, item in newest]

    def effects(self, now_s: float) -> Iterator[Effects]:
        """Writes for an empty store, in parts; none of them says what was read.

        Args:
            now_s: Unix seconds: from then on remembered ids are counted as new.
        """
        for view in VIEWS:
            for table in self.online(view):
                for part in (table.slice(n, _AT_ONCE) for n in range(0, len(table), _AT_ONCE)):
                    rows = FeatureRows(view, part, list(range(len(part))), INTERACTIONS)
                    yield Effects(features=[rows])
        for users in _parts(self.entities("user")):
            yield Effects(state=StateWrites(users=users))
        for items in _parts(self.entities("item")):
            yield Effects(state=StateWrites(items=items))
        yield from self._filters()
        yield Effects(state=self._whole(now_s))

    def _filters(self) -> Iterator[Effects]:
        for rest in self.rest("user"):
            filters = {
                user: [SeenEntries(*slot) for slot in slots]
                for user, slots in rest["filters"].items()
            }
            for some in _parts(iter(filters.items())):
                yield Effects(state=StateWrites(filters=some))

    def _whole(self, now_s: float) -> StateWrites:
        """What is of no single entity."""
        scanned, gone, erased = self.scanned, dict[str, bytes](), dict[str, bytes]()
        for rest in self.rest("item"):
            gone |= rest["gone"]
        for rest in self.rest("user"):
            for user, (topic, partition, offset) in rest["erased"].items():
                log = self.work.logs.get(topic, "")
                erasure = Erasure(erased_at=now_s, partition=partition, offset=offset, log=log)
                erased[user] = erasures.encoded(erasure)
        spans = {item: Span(*each) for item, each in scanned.spans.items()}
        return StateWrites(
            fingerprints={"": b"".join(scanned.marks)},
            generations={"": 0},
            started_at=now_s,
            known=scanned.known,
            hidden={*scanned.hidden, *(i for i, each in spans.items() if not each.is_open(now_s))},
            spans={i: _ENCODE(each) for i, each in spans.items() if each.begins_s or each.ends_s},
            recent_positives=self.recent_positives(),
            gone=gone,
            deleted={i: _ENCODE((*version, now_s)) for i, version in scanned.deleted.items()},
            erasures=erased,
        )

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read of every source partition."""
        return {TopicPartition(t, n): offset for t, n, offset in self.scanned.positions}

    def reached(self) -> dict[TopicPartition, float]:
        """The newest event time of every source partition."""
        return {TopicPartition(t, n): time for t, n, time in self.scanned.reached}


def _parts(pairs: Iterator[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """Pairs as mappings of some at a time."""
    part: dict[str, Any] = {}
    for key, value in pairs:
        part[key] = value
        if len(part) == _AT_ONCE:
            yield part
            part = {}
    if part:
        yield part
