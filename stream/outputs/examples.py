"""Labelled examples as Arrow tables: the wire format of the `examples` topic.

Where the domain declares tasks, each row says in the column `task` which one its label is for.

Rows of one causing event stand together, in the order in which their events were worked on. Those
of lists are made here, with the features that the list was scored with; those without a list in
`stream/outputs/organic_examples.py`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from features import labels
from features.attributes import coerced
from features.context import CONTEXT, arrow_columns, texts_of
from features.rows import Columns, arrow_type, value_columns
from features.spec import BY_NAME, FEATURES
from millstream.errors import InvalidEvent
from stream.ingest.records import TopicPartition
from stream.state.open_windows import LabelledItem

ORIGINS = ("organic", "impression", "sampled", "corrected")
ORGANIC, IMPRESSION, SAMPLED, CORRECTED = range(len(ORIGINS))
LAST_POSITION = 32_767  # of an int16

TYPES = {
    "event_id": pa.string(),
    "source_partition": pa.int32(),
    "source_offset": pa.int64(),
    "row": pa.int16(),
    "event_time": pa.float64(),
    "user_id": pa.string(),
    "item_id": pa.string(),
    "label": pa.float32(),
    "origin": pa.int8(),
    "is_probe": pa.bool_(),
    "weight": pa.float32(),
    "sampled_probability": pa.float32(),
    "oversampling": pa.float32(),
    "propensity": pa.float32(),
    "position": pa.int16(),
}
_SCHEMA = pa.schema(
    [
        *TYPES.items(),
        *((feature.name, arrow_type(feature)) for feature in FEATURES),
        *((column.name, pa.string()) for column in CONTEXT),
    ]
)
_TASK = pa.field("task", pa.int8())
_OF_TASKS = _SCHEMA.insert(len(TYPES), _TASK)


def schema() -> pa.Schema:
    """Schema of rows before they are `published`: places stand for names."""
    return _OF_TASKS if labels.ARE_DECLARED else _SCHEMA


class ExampleRow(NamedTuple):
    """A shown item; the columns' types are in `TYPES`."""

    event_id: str
    source_partition: int
    source_offset: int
    row: int
    event_time: float
    user_id: str
    item_id: str
    label: float
    origin: int
    weight: float
    is_probe: bool
    propensity: float
    position: int
    task: int


@dataclass
class ImpressionExamples:
    """Rows of shown items, gathered one by one.

    Args:
        rows: what they have beside their features.
        logged: their features.
        places: which events caused them, by their places in the batch.
        contexts: of their lists.
    """

    rows: list[ExampleRow] = field(default_factory=list)
    logged: list[Mapping[str, Any]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    contexts: list[Mapping[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def add(
        self,
        source: TopicPartition,
        offset: int,
        event_id: str,
        row: int,
        labelled: LabelledItem,
        place: int = 0,
    ) -> None:
        """A shown item with its label; `source`, `offset` and `event_id` are of what settled it."""
        shown, event = labelled.item, labelled.impression
        example = ExampleRow(
            event_id,
            source.partition,
            offset,
            row,
            event.event_time,
            event.user_id,
            shown.item_id,
            labelled.label,
            CORRECTED if labelled.is_correction else IMPRESSION,
            labelled.weight,
            event.is_probe,
            shown.propensity,
            min(shown.position, LAST_POSITION),
            labelled.task,
        )
        logged = _logged({**event.user_features, **shown.features})
        self.put(example, logged, place, texts_of(event.context, event.placement))

    def put(
        self, row: ExampleRow, logged: Mapping[str, Any], place: int, context: Mapping[str, str]
    ) -> None:
        """The same, made before."""
        self.rows.append(row)
        self.logged.append(logged)
        self.places.append(place)
        self.contexts.append(context)

    def table(self, published_at: float) -> pa.Table:
        """All rows, in the order in which they were added."""
        return published(self.unpublished(), published_at)

    def unpublished(self) -> pa.Table:
        """The rows for `published`."""
        columns = zip(ExampleRow._fields, zip(*self.rows, strict=True), strict=True)
        types = {**TYPES, _TASK.name: _TASK.type}
        own = {name: pa.array(values, types[name]) for name, values in columns}
        logged = value_columns(self.logged, FEATURES)
        return rows_of({**own, **logged, **arrow_columns(self.contexts)}, len(self))


def rows_of(columns: Columns, count: int) -> pa.Table:
    """Columns as rows for `published`; missing columns of probabilities and weights are 1."""
    ones, own = pa.array(np.ones(count, np.float32)), schema()
    return pa.Table.from_arrays([columns.get(n, ones) for n in own.names], schema=own)


def in_order(tables: Sequence[pa.Table], places: Sequence[np.ndarray]) -> pa.Table:
    """Rows of several tables by the places of their events."""
    whole = pa.concat_tables(tables)
    if len(tables) == 1:
        return whole
    return whole.take(pa.array(np.argsort(np.concatenate(places), kind="stable")))


def published(rows: pa.Table, published_at: float) -> pa.Table:
    """Rows as they go to Kafka."""
    whole = _named(rows.combine_chunks(), "origin", ORIGINS)
    if labels.ARE_DECLARED:
        whole = _named(whole, _TASK.name, [task.name for task in labels.TASKS])
    moment = pa.array(np.full(len(whole), published_at))
    return whole.add_column(len(TYPES), "published_at", moment)


def _named(rows: pa.Table, name: str, names: Sequence[str]) -> pa.Table:
    """Rows with the names that a column of places stands for."""
    column = pa.DictionaryArray.from_arrays(rows[name].chunk(0), list(names))
    return rows.set_column(rows.column_names.index(name), name, column)


def _logged(values: Mapping[str, Any]) -> dict[str, Any]:
    """Logged feature values as the spec stores them.

    What it does not know is left out, and what an earlier version let in that no column holds.
    """
    kept = {}
    for name, value in values.items():
        if name in BY_NAME and value is not None:
            with suppress(InvalidEvent):
                kept[name] = coerced(BY_NAME[name], value, f"$.{name}")
    return kept
