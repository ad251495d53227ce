"""Dynamic tables as arrays, whole or as what changed, and back.

Beside the rows that serving reads (`millstream.snapshots.layout`), training needs, by table:

    <table>/slot/<name>     (n, width) or (n, 1) optimiser slots of the rows, in their order
    <table>/last_used       (n,) step in which each was last used
    <table>/rare/ids        (r,) ids without a row; `rare/count`, `rare/last_used` beside them
    <table>/rare/removed    (q,) ids that are no longer rare, or forgotten, since the parent
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from millstream.snapshots.layout import TableRows
from online_trainer.embeddings.keyed_rows import NO_ROW, KeyedRows
from online_trainer.embeddings.keys import RowKeys
from online_trainer.embeddings.slab import VECTORS, EmbeddingSlab
from online_trainer.embeddings.tables import DynamicTables

Arrays = dict[str, np.ndarray]


class TablesState(NamedTuple):
    """State of tables: rows for serving, and arrays for training alone."""

    rows: dict[str, TableRows]
    training: Arrays


def export(tables: DynamicTables, since: int | None = None) -> TablesState:
    """Copies of every row, or of those used after the step `since`."""
    state = TablesState({}, {})
    for slab in tables.slabs.values():
        for tag, table in enumerate(slab.tables):
            _export_rows(slab, tag, table.name, since, state)
            _export_rare(slab.admission.rows, tag, table.name, since, state)
    return state


def restore(
    tables: DynamicTables, state: TablesState, names: Collection[str] | None = None
) -> None:
    """Bring tables up to `state`: a whole one into empty tables, then each delta in turn.

    Args:
        names: of the tables; None is all.
    """
    for slab in tables.slabs.values():
        for tag, table in enumerate(slab.tables):
            if names is not None and table.name not in names:
                continue
            _restore_rows(slab, tag, state.rows[table.name], state.training, table.name)
            _restore_rare(slab.admission.rows, tag, state.training, f"{table.name}/rare")


def drop_tombstones(tables: DynamicTables, step: int) -> None:
    """Drop the tombstones up to `step`: a snapshot of it is safe."""
    for slab in tables.slabs.values():
        slab.rows.drop_tombstones(step)
        slab.admission.rows.drop_tombstones(step)


def _export_rows(
    slab: EmbeddingSlab, tag: int, table: str, since: int | None, state: TablesState
) -> None:
    rows, removed = _changed(slab.rows, tag, since)
    columns = slab.rows.columns
    state.rows[table] = TableRows(slab.rows.keys(rows).ids, columns[VECTORS][rows], removed)
    for slot in slab.optimiser.slots:
        state.training[f"{table}/slot/{slot}"] = columns[slot][rows]
    state.training[f"{table}/last_used"] = slab.rows.last_used(rows)


def _export_rare(
    rare: KeyedRows, tag: int, table: str, since: int | None, state: TablesState
) -> None:
    rows, removed = _changed(rare, tag, since)
    state.training[f"{table}/rare/ids"] = rare.keys(rows).ids
    state.training[f"{table}/rare/count"] = rare.columns["count"][rows]
    state.training[f"{table}/rare/last_used"] = rare.last_used(rows)
    state.training[f"{table}/rare/removed"] = removed


def _changed(table: KeyedRows, tag: int, since: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows to write, and ids to take away, of one tag."""
    if since is None:
        rows, removed = table.all(), RowKeys(np.zeros(0, np.int64), np.zeros(0, np.int64))
    else:
        rows, removed = table.used_after(since), table.tombstones_after(since)
    rows = rows[table.keys(rows).tags == tag]
    return rows, removed.ids[removed.tags == tag]


def _restore_rows(
    slab: EmbeddingSlab, tag: int, given: TableRows, training: Mapping[str, np.ndarray], table: str
) -> None:
    slots = {name: training[f"{table}/slot/{name}"] for name in slab.optimiser.slots}
    values = {VECTORS: given.vectors, **slots}
    _upsert(slab.rows, tag, given.ids, given.removed, values, training[f"{table}/last_used"])


def _restore_rare(
    rare: KeyedRows, tag: int, training: Mapping[str, np.ndarray], prefix: str
) -> None:
    ids, removed = training[f"{prefix}/ids"], training[f"{prefix}/removed"]
    values = {"count": training[f"{prefix}/count"]}
    _upsert(rare, tag, ids, removed, values, training[f"{prefix}/last_used"])


def _upsert(
    table: KeyedRows,
    tag: int,
    ids: np.ndarray,
    removed: np.ndarray,
    values: Mapping[str, np.ndarray],
    last_used: np.ndarray,
) -> None:
    gone = table.find(_keys(removed, tag))
    table.remove(gone[gone != NO_ROW], step=0)
    keys = _keys(ids, tag)
    rows = np.where(ids == 0, tag + 1, table.find(keys))
    new = np.flatnonzero(rows == NO_ROW)
    rows[new] = table.add(keys.take(new), step=0)
    for name, column in values.items():
        table.columns[name][rows] = column
    table.set_last_used(rows, last_used)


def _keys(ids: np.ndarray, tag: int) -> RowKeys:
    return RowKeys(ids, np.full(len(ids), tag, np.int64))
