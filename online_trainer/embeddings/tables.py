"""Every dynamic table of a learner: ids of a batch to vectors, gradients back to rows."""

from collections.abc import Iterable, Mapping
from itertools import groupby

import numpy as np

from models.split import Table
from online_trainer.embeddings.arena import Arena, Policy
from online_trainer.embeddings.keyed_rows import NO_ROW
from online_trainer.embeddings.keys import Keys
from online_trainer.embeddings.optimisers import RowOptimiser

# Arrays by width of the embedding: occurrences of all reads of that width, one after the other.
ByWidth = dict[int, np.ndarray]
# A table, and the ids of a batch that are looked up in it: (batch,) or (batch, length) int64.
Read = tuple[str, np.ndarray]


class DynamicTables:
    """Tables by name, kept in one arena a width.

    Args:
        tables: with different names.
        optimiser: of every row.
        policy: of admission and expiry.
    """

    def __init__(self, tables: Iterable[Table], optimiser: RowOptimiser, policy: Policy) -> None:
        ordered = sorted(tables, key=lambda table: (table.width, table.name))
        groups = {width: list(of) for width, of in groupby(ordered, lambda table: table.width)}
        self.arenas = {width: Arena(of, optimiser, policy) for width, of in groups.items()}
        self._tags = {
            table.name: (width, tag) for width, of in groups.items() for tag, table in enumerate(of)
        }

    def __len__(self) -> int:
        """Ids that have a row of their own, over all tables."""
        return sum(map(len, self.arenas.values()))

    def keys(self, reads: Iterable[Read]) -> dict[int, Keys]:
        """The keys of a batch by width, in the order of `reads`."""
        parts: dict[int, list[Keys]] = {width: [] for width in self.arenas}
        for table, ids in reads:
            width, tag = self._tags[table]
            parts[width].append(Keys(ids.ravel(), np.full(ids.size, tag, np.int64)))
        return {
            width: Keys(*(np.concatenate(column) for column in zip(*keys, strict=True)))
            for width, keys in parts.items()
            if keys
        }

    def knows(self, table: str, ids: np.ndarray) -> np.ndarray:
        """(n,) bool: whether an id has a row of its own; False where there is no such table."""
        if table not in self._tags:
            return np.zeros(len(ids), bool)
        width, tag = self._tags[table]
        keys = Keys(ids, np.full(len(ids), tag, np.int64))
        return self.arenas[width].rows.find(keys) != NO_ROW

    def find(self, keys: Mapping[int, Keys]) -> ByWidth:
        """Rows to read; nothing changes."""
        return {width: self.arenas[width].find(part) for width, part in keys.items()}

    def locate(self, keys: Mapping[int, Keys], step: int) -> ByWidth:
        """Rows to read and then to learn; new ids are counted, and admitted when they recur."""
        return {width: self.arenas[width].locate(part, step) for width, part in keys.items()}

    def gather(self, rows: ByWidth) -> ByWidth:
        """(n, width) vectors."""
        return {width: self.arenas[width].gather(part) for width, part in rows.items()}

    def learn(self, rows: ByWidth, vectors: ByWidth, gradients: ByWidth, step: int) -> None:
        """One step of the optimiser on the rows of a batch; see `Arena.learn`."""
        for width, part in rows.items():
            self.arenas[width].learn(part, vectors[width], gradients[width], step)

    def expire(self, step: int) -> int:
        """Drop what has not been used for long, where a sweep is due; returns how many rows."""
        return sum(arena.expire(step) for arena in self.arenas.values())
