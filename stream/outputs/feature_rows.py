"""New feature rows of a batch as Arrow tables, view by view."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from features.attributes import AttributeVersion
from features.entity_rule import ITEM_RULE, USER_RULE
from features.families.family import States
from features.feature import Entity, View
from features.rows import Columns, value_columns
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, USER_ATTRIBUTES, USER_STATS, features_of
from features.stores.schema import (
    CREATED,
    EVENT_TIMESTAMP,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    TIMESTAMP,
    view_schema,
)
from millstream.topics import INTERACTIONS, ITEMS, USERS, Topic
from stream.ingest.records import EventRecord
from stream.outputs.effects import FeatureRows

MICROSECONDS = 1e6

# By view: the topic whose events cause its rows.
_TOPICS: dict[str, tuple[View, Topic]] = {
    USER_STATS.name: (USER_STATS, INTERACTIONS),
    ITEM_STATS.name: (ITEM_STATS, INTERACTIONS),
    USER_ATTRIBUTES.name: (USER_ATTRIBUTES, USERS),
    ITEM_ATTRIBUTES.name: (ITEM_ATTRIBUTES, ITEMS),
}

_VIEWS_OF: dict[Entity, tuple[View, View]] = {
    "user": (USER_ATTRIBUTES, USER_STATS),
    "item": (ITEM_ATTRIBUTES, ITEM_STATS),
}


@dataclass
class AttributesBuilder:
    """Builder of one view's attributes, event by event."""

    ids: list[str] = field(default_factory=list)
    versions: list[AttributeVersion] = field(default_factory=list)
    records: list[EventRecord] = field(default_factory=list)

    def add(self, entity_id: str, version: AttributeVersion, record: EventRecord) -> None:
        """The entity's newest attributes, and the event that made them so."""
        self.ids.append(entity_id)
        self.versions.append(version)
        self.records.append(record)


@dataclass(frozen=True)
class SourceOffsets:
    """Partitions and offsets of the events that caused rows, (rows,) each."""

    partitions: np.ndarray
    offsets: np.ndarray


class FeatureRowsBuilder:
    """Builder of the rows of all views.

    Args:
        created_at: Unix seconds.
    """

    def __init__(self, created_at: float) -> None:
        self._created_at = created_at
        self._attributes = {
            USER_ATTRIBUTES.name: AttributesBuilder(),
            ITEM_ATTRIBUTES.name: AttributesBuilder(),
        }
        self._tables: dict[str, list[pa.Table]] = {name: [] for name in _TOPICS}
        self._last: dict[str, dict[str, int]] = {name: {} for name in _TOPICS}

    def attributes(self, view: View) -> AttributesBuilder:
        """Builder of a view's attributes, to add to."""
        return self._attributes[view.name]

    def add_users(
        self, ids: Sequence[str], row_of: np.ndarray, states: States, offsets: SourceOffsets
    ) -> None:
        """Users' newest states, (rows,), whose ids are `ids[row_of]`."""
        self._add(USER_STATS, ids, row_of, states.times, USER_RULE.arrow(states), offsets)

    def add_items(
        self, ids: Sequence[str], row_of: np.ndarray, states: States, offsets: SourceOffsets
    ) -> None:
        """Items' newest states, (rows,), whose ids are `ids[row_of]`."""
        self._add(ITEM_STATS, ids, row_of, states.times, ITEM_RULE.arrow(states), offsets)

    def forget(self, entity: Entity, entity_id: str, time_s: float, record: EventRecord) -> None:
        """Attributes without values from `time_s` on, and none for the online store."""
        attributes, stats = _VIEWS_OF[entity]
        self.attributes(attributes).add(entity_id, AttributeVersion(time_s, {}), record)
        self._add_attributes(attributes)
        for view in (attributes, stats):
            self.keep_offline(view, entity_id)

    def keep_offline(self, view: View, entity_id: str) -> None:
        """Leave what there is of an entity so far out of the online store."""
        self._last[view.name].pop(entity_id, None)

    def rows(self) -> list[FeatureRows]:
        """Build the rows of the views that got any."""
        for view in (USER_ATTRIBUTES, ITEM_ATTRIBUTES):
            self._add_attributes(view)
        return [
            FeatureRows(view, pa.concat_tables(tables), list(self._last[name].values()), topic)
            for name, (view, topic) in _TOPICS.items()
            if (tables := self._tables[name])
        ]

    def _add_attributes(self, view: View) -> None:
        built, self._attributes[view.name] = self._attributes[view.name], AttributesBuilder()
        if not built.ids:
            return
        offsets = SourceOffsets(
            np.array([record.source.partition for record in built.records], np.int32),
            np.array([record.offset for record in built.records], np.int64),
        )
        times = np.array([version.time for version in built.versions])
        columns = value_columns([version.values for version in built.versions], features_of(view))
        self._add(view, built.ids, np.arange(len(built.ids)), times, columns, offsets)

    def _add(
        self,
        view: View,
        ids: Sequence[str],
        row_of: np.ndarray,
        times: np.ndarray,
        columns: Columns,
        offsets: SourceOffsets,
    ) -> None:
        if not len(row_of):
            return
        tables = self._tables[view.name]
        first, schema = sum(len(table) for table in tables), view_schema(view)
        given = {
            view.key: pa.array(ids, pa.string()).take(pa.array(row_of)),
            **columns,
            EVENT_TIMESTAMP: _timestamps(times),
            CREATED: _timestamps(np.full(len(times), self._created_at)),
            SOURCE_PARTITION: pa.array(offsets.partitions, pa.int32()),
            SOURCE_OFFSET: pa.array(offsets.offsets, pa.int64()),
        }
        tables.append(pa.Table.from_arrays([given[name] for name in schema.names], schema=schema))
        last = np.full(len(ids), -1)
        last[row_of] = np.arange(first, first + len(row_of))
        pairs = zip(ids, last.tolist(), strict=True)
        self._last[view.name].update({entity: row for entity, row in pairs if row >= 0})


def _timestamps(times: np.ndarray) -> pa.Array:
    return pa.array(np.rint(times * MICROSECONDS).astype(np.int64)).cast(TIMESTAMP)
