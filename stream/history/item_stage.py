"""One bucket of items: their states after all events, given what their users had met."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from features.attributes import AttributeVersion, item_version, newest, with_version
from features.entity_rule import ITEM_RULE
from features.spec import ITEM_ATTRIBUTES
from stream.history.last_rows import has_events, last_rows
from stream.history.rows import FOR_ITEMS, ITEM_LISTS, event_columns, offsets_of, record_of
from stream.history.runs import Run, runs
from stream.history.work import Work
from stream.ingest.records import EventRecord, ItemDeletion
from stream.outputs.effects import FeatureRows
from stream.outputs.feature_rows import FeatureRowsBuilder
from stream.processing.advance import advance
from stream.processing.columns import AsOfLookups
from stream.processing.segment import IdIndexer
from stream.state.entities import Item, items_bytes, items_from

_NO_LOOKUPS = AsOfLookups(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def item_stage(work: Work, bucket: int) -> int:
    """Work on one bucket of items; how many events it had."""
    files, stage, count = work.files("item", bucket), _ItemStage(work, bucket), 0
    for run in runs(_in_order(work, bucket), work.rows_at_once):
        stage.run(run)
        files.append(stage.take_rows())
        count += len(run.interactions)
    files.finish(*stage.outcome())
    return count


def _in_order(work: Work, bucket: int) -> Iterator[pa.Table]:
    """What happened to the bucket's items, in the order of the log."""
    changes = [_widened(table) for table in work.changes_of_items.read(bucket)]
    tables = [*changes, *work.events_of_items.read(bucket)]
    if tables:
        whole = pa.concat_tables(tables)
        order = np.argsort(whole["place"].to_numpy(), kind="stable")
        for start in range(0, len(order), work.rows_at_once):
            yield whole.take(pa.array(order[start : start + work.rows_at_once]))


def _widened(table: pa.Table) -> pa.Table:
    """Rows without lists as rows with them."""
    own = [
        table[n] if n in table.column_names else pa.nulls(len(table), FOR_ITEMS.field(n).type)
        for n in FOR_ITEMS.names
    ]
    return pa.table(own, schema=FOR_ITEMS)


class _ItemStage:
    """Items of the bucket as they are so far."""

    def __init__(self, work: Work, bucket: int) -> None:
        self._work, self._rows = work, FeatureRowsBuilder(work.created_at)
        stored = work.begun("item", bucket)
        items = items_from(list(stored.values()))
        self._items: dict[str, Item] = dict(zip(stored, items, strict=True))

    def run(self, run: Run) -> None:
        """Work on some events."""
        for row in run.changes:
            self._change(record_of(row))
        if len(run.interactions):
            self._interactions(run.interactions)

    def take_rows(self) -> list[FeatureRows]:
        """Feature rows since this was last asked."""
        rows, self._rows = self._rows, FeatureRowsBuilder(self._work.created_at)
        return rows.rows()

    def outcome(self) -> tuple[dict[str, bytes], list[FeatureRows], dict[str, Any]]:
        """States for the store, last rows, and the rest: what is left of deleted items."""
        kept = {
            item_id: item
            for item_id, item in self._items.items()
            if not newest(item.versions).deleted and (has_events(item) or item.versions)
        }
        gone = {i: item for i, item in self._items.items() if newest(item.versions).deleted}
        rest = {"gone": dict(zip(gone, items_bytes(list(gone.values())), strict=True))}
        stored = dict(zip(kept, items_bytes(list(kept.values())), strict=True))
        return stored, last_rows("item", kept, self._work.created_at), rest

    def _change(self, record: EventRecord) -> None:
        event, is_deletion = record.event, isinstance(record.event, ItemDeletion)
        item = self._items.setdefault(event.item_id, Item())
        version = (
            AttributeVersion(event.event_time, {}, True, event.event_id, deleted=True)
            if is_deletion
            else item_version(event)
        )
        item.versions = with_version(item.versions, version)
        if newest(item.versions).deleted and newest(item.versions) is not version:
            item.versions = item.versions[-1:]
        elif not is_deletion:
            self._rows.attributes(ITEM_ATTRIBUTES).add(event.item_id, newest(item.versions), record)
        elif newest(item.versions) is version:
            self._items[event.item_id] = Item(versions=(version,))
            self._rows.forget("item", event.item_id, event.event_time, record)

    def _interactions(self, rows: pa.Table) -> None:
        columns, ids = event_columns(rows, ITEM_LISTS), IdIndexer(rows["item"].to_pylist())
        histories = [self._items.setdefault(item, Item()).history for item in ids.ids]
        moved = advance(
            ITEM_RULE, histories, ids.of_events, columns, _NO_LOOKUPS, self._work.horizon_s
        )
        newest_states = moved.states.take(moved.after)
        self._rows.add_items(ids.ids, ids.of_events, newest_states, offsets_of(rows))
