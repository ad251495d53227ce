"""New feature rows of a batch, gathered event by event, as Arrow tables view by view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from features.attributes import Version
from features.feature import View
from features.rows import Columns, item_columns, user_columns, value_columns
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
from stream.effects import FeatureRows
from stream.records import Sourced

MICROSECONDS = 1e6


def _attribute_columns(view: View) -> Callable[[Sequence[Version]], Columns]:
    features = features_of(view)
    return lambda versions: value_columns([version.values for version in versions], features)


# By view: the topic whose events cause its rows, and how columns are made of points or versions.
_VIEWS: dict[str, tuple[View, Topic, Callable[[Sequence[Any]], Columns]]] = {
    USER_STATS.name: (USER_STATS, INTERACTIONS, user_columns),
    ITEM_STATS.name: (ITEM_STATS, INTERACTIONS, item_columns),
    USER_ATTRIBUTES.name: (USER_ATTRIBUTES, USERS, _attribute_columns(USER_ATTRIBUTES)),
    ITEM_ATTRIBUTES.name: (ITEM_ATTRIBUTES, ITEMS, _attribute_columns(ITEM_ATTRIBUTES)),
}


@dataclass
class Gathered:
    """Rows of one view; `values` are points or versions, whose `time` is the row's."""

    ids: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    causes: list[Sourced] = field(default_factory=list)

    def add(self, entity_id: str, value: Any, cause: Sourced) -> None:
        """The entity's newest values, and the event that made them so."""
        self.ids.append(entity_id)
        self.values.append(value)
        self.causes.append(cause)


class RowGatherer:
    """Rows of all views."""

    def __init__(self) -> None:
        self._views = {name: Gathered() for name in _VIEWS}

    def __getitem__(self, view: View) -> Gathered:
        return self._views[view.name]

    def rows(self, created_at: float) -> list[FeatureRows]:
        """What was gathered, for the views that got anything."""
        return [
            _feature_rows(name, gathered, created_at)
            for name, gathered in self._views.items()
            if gathered.ids
        ]


def _feature_rows(name: str, gathered: Gathered, created_at: float) -> FeatureRows:
    view, topic, columns_of = _VIEWS[name]
    causes = gathered.causes
    times = np.array([value.time for value in gathered.values])
    columns = {
        view.key: pa.array(gathered.ids, pa.string()),
        **columns_of(gathered.values),
        EVENT_TIMESTAMP: _timestamps(times),
        CREATED: _timestamps(np.full(len(times), created_at)),
        SOURCE_PARTITION: pa.array([cause.source.partition for cause in causes], pa.int32()),
        SOURCE_OFFSET: pa.array([cause.offset for cause in causes], pa.int64()),
    }
    schema = view_schema(view)
    rows = pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
    last = {entity_id: index for index, entity_id in enumerate(gathered.ids)}
    return FeatureRows(view, rows, list(last.values()), topic)


def _timestamps(times: np.ndarray) -> pa.Array:
    return pa.array(np.rint(times * MICROSECONDS).astype(np.int64)).cast(TIMESTAMP)
