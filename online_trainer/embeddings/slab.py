"""Embedding slab: the rows of every table of one width, in one place.

Tables of one width share their columns and their index: a batch costs one lookup, one gather and
one update, however many tables it reads.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models.tables import TableSpec
from online_trainer.embeddings.admission_filter import AdmissionFilter
from online_trainer.embeddings.keyed_rows import NO_ROW, KeyedRows
from online_trainer.embeddings.keys import RowKeys
from online_trainer.embeddings.optimisers import RowOptimiser
from online_trainer.embeddings.segment_sum import segment_sum

VECTORS = "vectors"
_INIT_CHUNK = 1 << 18
_WORTH_A_THREAD = 1 << 13  # rows
_HELPER = ThreadPoolExecutor(1, "rows")


@dataclass(frozen=True)
class Policy:
    """When an id gets a row of its own, and when it loses it.

    Args:
        admit_after: occurrences with which an id gets its row; until then it uses, and trains, the
            row that all rare ids of its table share.
        expire_after: steps without a use after which a row, or a rare id's count, is dropped; None
            keeps all.
        sweep_every: steps between two searches for what is to be dropped.
        expected_rows: rows for which memory is set aside at the start.
    """

    admit_after: int = 2
    expire_after: int | None = None
    sweep_every: int = 1000
    expected_rows: int = 0


class EmbeddingSlab:
    """Vectors and optimiser slots of the tables of one width.

    Row 0 is padding: zeros, never updated. Row 1 + tag is the shared row of the table `tag`.

    Args:
        tables: of the same width; a table's place is its tag.
        optimiser: of the rows.
        policy: of admission and expiry.
    """

    def __init__(
        self, tables: Sequence[TableSpec], optimiser: RowOptimiser, policy: Policy
    ) -> None:
        self.tables = tuple(tables)
        self.width = tables[0].width
        self.optimiser = optimiser
        self.policy = policy
        self.admission = AdmissionFilter(policy.admit_after)
        shapes = {VECTORS: (self.width,)} | {
            name: (self.width if slot.per_value else 1,) for name, slot in optimiser.slots.items()
        }
        self.rows = KeyedRows(shapes, policy.expected_rows)
        tags = np.arange(len(tables))
        self._fill(self.rows.reserve(RowKeys(np.zeros_like(tags), tags), step=0))
        self._clear_padding()

    def __len__(self) -> int:
        """Ids that have a row of their own."""
        return len(self.rows) - len(self.tables)

    def find(self, keys: RowKeys) -> np.ndarray:
        """(n,) rows to read: the key's own, its table's shared row, or padding."""
        return self._or_shared(self.rows.find(keys), keys)

    def locate(self, keys: RowKeys, step: int) -> np.ndarray:
        """`find`, after new ids have been counted and those that recurred have got their rows."""
        rows = self.rows.find(keys)
        new = np.flatnonzero((rows == NO_ROW) & (keys.ids != 0))
        if len(new):
            missing = keys.take(new)
            distinct, counts = missing.distinct()
            self._add(
                distinct.take(np.flatnonzero(self.admission.admit(distinct, counts, step))), step
            )
            rows[new] = self.rows.find(missing)
        return self._or_shared(rows, keys)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """(n, width) vectors."""
        return self.rows.columns[VECTORS].take(rows, axis=0, mode="clip")

    def learn(self, rows: np.ndarray, vectors: np.ndarray, gradient: np.ndarray, step: int) -> None:
        """One step of the optimiser on the rows of a batch.

        Args:
            rows: (n,) as `locate` gave them, with repetitions.
            vectors: (n, width) as `gather` gave them.
            gradient: (n, width) of the loss by each of the vectors.
            step: counts from 1.
        """
        first, places = self.rows.touch(rows, step)
        if len(first) < len(rows):
            rows, vectors = rows.take(first), vectors.take(first, axis=0)
            gradient = segment_sum(gradient, places, len(rows))
        self._move_in_halves([rows, vectors, gradient], step)
        self._clear_padding()

    def erase(self, keys: RowKeys, step: int) -> None:
        """Drop the rows and the counts of distinct keys, as of after `step`."""
        for kept in (self.rows, self.admission.rows):
            found = kept.find(keys)
            kept.remove(found[found != NO_ROW], step + 1)

    def expire(self, step: int) -> int:
        """Drop what has not been used for long, if a sweep is due; returns the number of rows."""
        after, every = self.policy.expire_after, self.policy.sweep_every
        if after is None or step % every:
            return 0
        idle = self.rows.idle_since(step - after)
        idle = idle[idle > len(self.tables)]
        self.rows.remove(idle, step)
        self.admission.rows.remove(self.admission.rows.idle_since(step - after), step)
        return len(idle)

    def _move_in_halves(self, arrays: Sequence[np.ndarray], step: int) -> None:
        """`_move`; of many rows each of two threads moves half: NumPy lets go of the lock."""
        half = len(arrays[0]) // 2
        if half < _WORTH_A_THREAD:
            self._move(arrays, step)
            return
        other = _HELPER.submit(self._move, [array[:half] for array in arrays], step)
        self._move([array[half:] for array in arrays], step)
        other.result()

    def _move(self, arrays: Sequence[np.ndarray], step: int) -> None:
        """One step of the optimiser on (rows, vectors, gradient), each row once."""
        rows, vectors, gradient = arrays
        columns = self.rows.columns
        slots = {
            name: columns[name].take(rows, axis=0, mode="clip") for name in self.optimiser.slots
        }
        values, after = self.optimiser.update(vectors, slots, gradient, step)
        for name, updated in {VECTORS: values, **after}.items():
            _put(columns[name], rows, updated)

    def _clear_padding(self) -> None:
        self.rows.columns[VECTORS][NO_ROW] = 0.0
        for name, slot in self.optimiser.slots.items():
            self.rows.columns[name][NO_ROW] = slot.initial

    def _or_shared(self, rows: np.ndarray, keys: RowKeys) -> np.ndarray:
        return np.where((rows == NO_ROW) & (keys.ids != 0), keys.tags + 1, rows)

    def _add(self, keys: RowKeys, step: int) -> None:
        for start in range(0, len(keys.ids), _INIT_CHUNK):
            part = RowKeys(*(column[start : start + _INIT_CHUNK] for column in keys))
            self._fill(self.rows.add(part, step))

    def _fill(self, rows: np.ndarray) -> None:
        """Give new rows their first values."""
        ids, tags = self.rows.keys(rows)
        for tag in np.unique(tags):
            own = np.flatnonzero(tags == tag)
            table = self.tables[tag]
            first = table.init.rows(ids[own], self.width, table.name)
            self.rows.columns[VECTORS][rows[own]] = first
        for name, slot in self.optimiser.slots.items():
            self.rows.columns[name][rows] = slot.initial


def _put(column: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    """column[rows] = values; as opaque items it takes a third of the time."""
    item = np.dtype((np.void, column.itemsize * column.shape[1]))
    values = np.ascontiguousarray(values, column.dtype)
    np.put(column.view(item).ravel(), rows, values.view(item).ravel(), mode="clip")
