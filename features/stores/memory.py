"""The online store in memory, for tests: the same contract, no server."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from features.feature import View
from features.spec import features_of
from features.stores.online import Request
from features.stores.schema import EVENT_TIMESTAMP, online_schema

Row = dict[str, Any]


class MemoryOnlineStore:
    """`OnlineStore` in a dictionary."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}

    def write(self, view: View, rows: pa.Table) -> None:
        """Store rows of `view`; the last one wins."""
        for row in rows.select(online_schema(view).names).to_pylist():
            self._rows[view.name, row[view.key]] = row

    def read(self, requests: Sequence[Request], at_s: float | None = None) -> list[pa.Table]:
        """Rows for each (view, ids)."""
        return [self._table(view, ids, at_s) for view, ids in requests]

    def _table(self, view: View, ids: Sequence[str], at_s: float | None) -> pa.Table:
        rows = [self._row(view, entity_id, at_s) for entity_id in ids]
        return pa.Table.from_pylist(rows, online_schema(view))

    def _row(self, view: View, entity_id: str, at_s: float | None) -> Row:
        row = self._rows.get((view.name, entity_id), {})
        if row and _has_expired(row[EVENT_TIMESTAMP], view, at_s):
            row = {}
        defaults = {feature.name: feature.default for feature in features_of(view)}
        there = {name: value for name, value in row.items() if value is not None}
        return {view.key: entity_id, **defaults, **there}


class AsyncMemoryOnlineStore:
    """`AsyncOnlineStore` on a `MemoryOnlineStore`."""

    def __init__(self, store: MemoryOnlineStore | None = None) -> None:
        self._store = store or MemoryOnlineStore()

    async def write(self, view: View, rows: pa.Table) -> None:
        """Store rows of `view`; the last one wins."""
        self._store.write(view, rows)

    async def read(self, requests: Sequence[Request], at_s: float | None = None) -> list[pa.Table]:
        """Rows for each (view, ids)."""
        return self._store.read(requests, at_s)


def _has_expired(moment: datetime, view: View, at_s: float | None) -> bool:
    if at_s is None or view.ttl_s is None:
        return False
    return moment + timedelta(seconds=view.ttl_s) < datetime.fromtimestamp(at_s, UTC)
