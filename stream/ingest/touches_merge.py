"""Touches of several workers, merged by event time before the items' side works on them.

Each worker's touches are in the order of their events (`stream/ingest/alignment.py`); on a backlog
the workers are out of step with one another. What is newer than the slowest worker has come waits
for it: as long as that one says that it has more, and for at most `HOLD_S`. So do all, at first,
for those that have said nothing yet, for at most `FIRST_S`. What waits is bounded in rows; beyond
`MOST_ROWS` the oldest go on. With one worker nothing changes its place, and without a backlog
nothing waits.

A message counts as read once all its rows were let go, so that what waits is read again after a
crash; by `Memory.touched` those rows are known that were worked on before.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

import numpy as np
import pyarrow as pa

from millstream.topics import TOUCHES
from stream.ingest.alignment import DecodedRecord
from stream.ingest.records import TouchesRecord

# The longest that a worker that brings nothing holds back the others: a batch of a backlog may take
# it as long where it has little of a core, and who takes over from one that is gone speaks sooner.
HOLD_S = 20.0
# The same for workers that have said nothing yet; it may be that they have nothing to say.
FIRST_S = 3.0
# How many rows wait at most.
MOST_ROWS = 65_536
# How many rows are let go at once, if no more have to.
TURN_ROWS = 16_000


@dataclass
class _Piece:
    """Rows of one message that wait, and their ascending keys."""

    offset: int
    keys: np.ndarray
    table: pa.Table


@dataclass
class _Worker:
    """One worker's touches.

    Args:
        reached: the newest event time that it brought.
        has_more: as it said last.
        heard_s: when that was, by the clock.
    """

    reached: float = -inf
    has_more: bool = False
    heard_s: float = -inf
    pieces: list[_Piece] = field(default_factory=list)


class TouchesMerge:
    """A buffer between what was read and the core, for touches of several workers."""

    def __init__(self) -> None:
        self._partitions = 0
        self._forget()

    def begin(self, partitions: int) -> None:
        """Begin anew: what waited is read again.

        Args:
            partitions: how many partitions of users there are, 0 if that is not known.
        """
        self._partitions = partitions
        self._forget()

    def _forget(self) -> None:
        self._workers: dict[tuple[int, ...], _Worker] = {}
        self._taken: dict[int, int] = {}  # last offset by partition of users
        self._last: TouchesRecord | None = None
        self._began_s = inf

    def through(self, entries: Iterable[DecodedRecord], now_s: float) -> list[DecodedRecord]:
        """The entries whose turn has come; those that are no touches go through.

        Args:
            now_s: Unix seconds, by the clock.
        """
        found: list[DecodedRecord] = []
        for entry in entries:
            if entry.source.topic != TOUCHES.name:
                found.append(entry)
                continue
            if isinstance(entry, TouchesRecord) and 0 < len(entry.by) < self._partitions:
                if self._is_other(entry):
                    found += self._let_go(inf)
                    self._forget()
                self._put(entry, now_s)
            else:
                found += [*self._let_go(inf), entry]
        return found + self._let_go(self._bound(now_s))

    def _is_other(self, record: TouchesRecord) -> bool:
        """Whether a record's offsets are of another log, or its partitions were another's."""
        own, others = set(record.by), (by for by in self._workers if by != record.by)
        is_moved = any(own & set(by) for by in others)
        return is_moved or (self._last is not None and record.log != self._last.log)

    def _put(self, record: TouchesRecord, now_s: float) -> None:
        worker = self._workers.setdefault(record.by, _Worker())
        table = self._unknown(record.table)
        is_probe = table["is_probe"].to_numpy()
        times = np.where(is_probe, -inf, table["event_time"].to_numpy())
        keys = np.maximum(np.maximum.accumulate(times), worker.reached)
        worker.pieces.append(_Piece(record.offset, keys, table))
        worker.has_more, worker.heard_s, self._last = record.has_more, now_s, record
        self._began_s = min(self._began_s, now_s)
        if len(keys):
            worker.reached = float(keys[-1])

    def _unknown(self, table: pa.Table) -> pa.Table:
        """Rows that did not come before, which a worker that was paused may bring again."""
        partitions, offsets = (
            table[name].to_numpy() for name in ("source_partition", "source_offset")
        )
        is_new = np.ones(len(table), np.bool_)
        for partition in np.unique(partitions).tolist():
            own = partitions == partition
            is_new[own] = offsets[own] > self._taken.get(partition, -1)
            known = self._taken.get(partition, -1)
            self._taken[partition] = max(known, int(offsets[own].max()))
        return table if is_new.all() else table.filter(pa.array(is_new))

    def _bound(self, now_s: float) -> float:
        """The newest event time that no worker holds back, and none that are too many."""
        waiting = [piece.keys for each in self._workers.values() for piece in each.pieces]
        if not waiting:
            return inf
        keys = np.sort(np.concatenate(waiting))
        bound = self._slowest(now_s)
        if len(keys) > TURN_ROWS:
            bound = min(bound, float(keys[TURN_ROWS - 1]))
        if len(keys) > MOST_ROWS:
            bound = max(bound, float(keys[len(keys) - MOST_ROWS - 1]))
        return bound

    def _slowest(self, now_s: float) -> float:
        """How far the slowest worker has come of those that have more."""
        held = [each for each in self._workers.values() if each.has_more]
        held = [each for each in held if now_s - each.heard_s < HOLD_S]
        is_each_heard = sum(map(len, self._workers)) >= self._partitions
        if held and not is_each_heard and now_s - self._began_s < FIRST_S:
            return -inf
        return min((each.reached for each in held), default=inf)

    def _let_go(self, bound: float) -> list[DecodedRecord]:
        """What is no newer than `bound`, merged, as one record that ends where reading goes on."""
        went: list[tuple[np.ndarray, pa.Table]] = []
        is_whole = False
        for worker in self._workers.values():
            left = []
            for piece in worker.pieces:
                count = int(np.searchsorted(piece.keys, bound, side="right"))
                went.append((piece.keys[:count], piece.table.slice(0, count)))
                if count < len(piece.keys):
                    keys, table = piece.keys[count:], piece.table.slice(count)
                    left.append(_Piece(piece.offset, keys, table))
                is_whole = is_whole or count == len(piece.keys)
            worker.pieces = left
        if not is_whole and not any(len(keys) for keys, _ in went):
            return []
        assert self._last is not None, "what waits has come"
        order = np.argsort(np.concatenate([keys for keys, _ in went]), kind="stable")
        merged = pa.concat_tables([table for _, table in went]).take(pa.array(order))
        waiting = (piece.offset for each in self._workers.values() for piece in each.pieces)
        offset = min(waiting, default=self._last.offset + 1) - 1
        return [self._last._replace(offset=offset, table=merged)]
