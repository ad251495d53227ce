"""Every dynamic table of a learner: ids of a batch to vectors, gradients back to rows."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from models.layers.field_embedding import layer_name
from models.optimisers import longest_prefix
from models.tables import TableSpec
from online_trainer.embeddings.keyed_rows import NO_ROW
from online_trainer.embeddings.keys import RowKeys
from online_trainer.embeddings.optimisers import RowOptimiser
from online_trainer.embeddings.slab import EmbeddingSlab, Policy

# Arrays by group: occurrences of all reads of its tables, row by row of the batch.
ByGroup = dict[str, np.ndarray]
# A table, and the ids of a batch that are looked up in it: (batch,) or (batch, length) int64.
Read = tuple[str, np.ndarray]


class DynamicTables:
    """Tables by name; those of one width and one optimiser are a group, kept in one slab.

    Args:
        tables: with different names.
        optimisers: of the rows, by the prefix of the tables' layers; "" for all others.
        policy: of admission and expiry.
    """

    def __init__(
        self, tables: Iterable[TableSpec], optimisers: Mapping[str, RowOptimiser], policy: Policy
    ) -> None:
        self._given = (tuple(tables), dict(optimisers), policy)
        groups: dict[str, list[TableSpec]] = {}
        by_group: dict[str, RowOptimiser] = {}
        for table in sorted(self._given[0], key=lambda table: (table.width, table.name)):
            prefix = longest_prefix(layer_name(table.name), optimisers) or ""
            group = f"{table.width}{prefix and ':'}{prefix}"
            groups.setdefault(group, []).append(table)
            by_group[group] = optimisers[prefix]
        self.slabs = {
            group: EmbeddingSlab(of, by_group[group], policy) for group, of in groups.items()
        }
        self._tags = {
            table.name: (group, tag) for group, of in groups.items() for tag, table in enumerate(of)
        }

    def __len__(self) -> int:
        """Ids that have a row of their own, over all tables."""
        return sum(map(len, self.slabs.values()))

    def emptied(self) -> "DynamicTables":
        """The same tables without a row."""
        return DynamicTables(*self._given)

    @property
    def groups(self) -> dict[str, str]:
        """The group of each table, by its name."""
        return {table: group for table, (group, _) in self._tags.items()}

    def keys(self, *batches: Iterable[Read]) -> dict[str, RowKeys]:
        """The keys of batches by group: row by row, and in a row in the order of the reads."""
        parts: dict[str, list[RowKeys]] = {}
        for reads in batches:
            columns: dict[str, list[RowKeys]] = {}
            for table, ids in reads:
                group, tag = self._tags[table]
                by_row = ids if ids.ndim == 2 else ids[:, None]
                columns.setdefault(group, []).append(
                    RowKeys(by_row, np.full(by_row.shape[1], tag, np.int64))
                )
            for group, each in columns.items():
                parts.setdefault(group, []).append(_row_by_row(each))
        return {
            group: RowKeys(*(np.concatenate(column) for column in zip(*each, strict=True)))
            for group, each in parts.items()
        }

    def knows(self, table: str, ids: np.ndarray) -> np.ndarray:
        """(n,) bool: whether an id has a row of its own; False where there is no such table."""
        if table not in self._tags:
            return np.zeros(len(ids), bool)
        group, tag = self._tags[table]
        keys = RowKeys(ids, np.full(len(ids), tag, np.int64))
        return self.slabs[group].rows.find(keys) != NO_ROW

    def find(self, keys: Mapping[str, RowKeys]) -> ByGroup:
        """Rows to read; nothing changes."""
        return {group: self.slabs[group].find(part) for group, part in keys.items()}

    def locate(self, keys: Mapping[str, RowKeys], step: int) -> ByGroup:
        """Rows to read and then to learn; new ids are counted, and admitted when they recur."""
        return {group: self.slabs[group].locate(part, step) for group, part in keys.items()}

    def gather(self, rows: ByGroup) -> ByGroup:
        """(n, width) vectors."""
        return {group: self.slabs[group].gather(part) for group, part in rows.items()}

    def learn(self, rows: ByGroup, vectors: ByGroup, gradients: ByGroup, step: int) -> None:
        """One step of the optimiser on the rows of a batch; see `EmbeddingSlab.learn`."""
        for group, part in rows.items():
            self.slabs[group].learn(part, vectors[group], gradients[group], step)

    def erase(self, entity: str, ids: np.ndarray, step: int) -> None:
        """Forget ids in every table over `entity` (`user_id`), as of after `step`.

        They count as never seen, and deltas from `step` on say that their rows are gone.
        """
        for name, (group, tag) in self._tags.items():
            if name.partition(":")[0] == entity:
                keys = RowKeys(ids, np.full(len(ids), tag, np.int64))
                self.slabs[group].erase(keys, step)

    def expire(self, step: int) -> int:
        """Drop what has not been used for long, where a sweep is due; returns how many rows."""
        return sum(slab.expire(step) for slab in self.slabs.values())


def _row_by_row(columns: Sequence[RowKeys]) -> RowKeys:
    """Ids, (batch, length) each, and their (length,) tags, side by side and then flat."""
    ids = np.concatenate([each.ids for each in columns], axis=1)
    tags = np.concatenate([each.tags for each in columns])
    return RowKeys(ids.ravel(), np.tile(tags, len(ids)))
