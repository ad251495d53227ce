"""Labelled examples as Arrow tables: the wire format of the `examples` topic.

An organic example takes its features from the histories, as of its own time; one from a list takes
those that the list was scored with. Rows of one causing event stand together, in the order in which
their events were worked on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from features.attributes import Version, coerced
from features.rows import Columns, arrow_type, item_columns, user_columns, value_columns
from features.spec import BY_NAME, FEATURES, ITEM_ATTRIBUTES, USER_ATTRIBUTES, features_of
from features.state import ItemPoint, UserPoint
from stream.joins import Joined
from stream.records import Source, Sourced

ORIGINS = ("organic", "impression", "sampled")
ORGANIC, IMPRESSION, SAMPLED = range(len(ORIGINS))
LAST_POSITION = 32_767  # of an int16


class Cause(NamedTuple):
    """What the rows of one event have in common; the columns' types are in `_TYPES`."""

    event_id: str
    source_partition: int
    source_offset: int
    event_time: float
    user_id: str
    is_probe: bool


class Row(NamedTuple):
    """What a row has of its own, beside its features."""

    row: int
    item_id: str
    label: float
    origin: int
    sampled_probability: float = 1.0
    propensity: float = 1.0
    position: int = -1


_TYPES = {
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
    "propensity": pa.float32(),
    "position": pa.int16(),
}

_USER_ATTRIBUTES = features_of(USER_ATTRIBUTES)
_ITEM_ATTRIBUTES = features_of(ITEM_ATTRIBUTES)


class Side(NamedTuple):
    """An entity just before an example's time."""

    point: Any  # UserPoint or ItemPoint
    version: Version


@dataclass
class Examples:
    """The rows of one source topic, gathered event by event.

    Args:
        causes: one an event.
        rows: one a row, and in `cause_of` which of `causes` it has.
        users: of organic events, in their order.
        items: of organic rows, in their order.
        logged: features of rows from lists, in their order; such an event has one row.
        is_logged: which of the two an event is.
    """

    causes: list[Cause] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    cause_of: list[int] = field(default_factory=list)
    users: list[Side] = field(default_factory=list)
    items: list[Side] = field(default_factory=list)
    logged: list[Mapping[str, Any]] = field(default_factory=list)
    is_logged: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def add_organic(
        self,
        sourced: Sourced,
        label: float,
        user: Side,
        item: Side,
        negatives: Sequence[tuple[str, Side]],
        probability: float,
    ) -> None:
        """An event without a list, and the negatives drawn for it, each with `probability`."""
        (_, partition), offset, event, *_ = sourced
        self._add_cause(
            Cause(
                event.event_id, partition, offset, event.event_time, event.user_id, event.is_probe
            ),
            is_logged=False,
        )
        self.users.append(user)
        self._add_row(Row(0, event.item_id, label, ORGANIC))
        self.items.append(item)
        for row, (other, side) in enumerate(negatives, 1):
            self._add_row(Row(row, other, 0.0, SAMPLED, probability))
            self.items.append(side)

    def add_joined(
        self, source: Source, offset: int, event_id: str, row: int, joined: Joined
    ) -> None:
        """A shown item with its label; `source`, `offset` and `event_id` are of what settled it."""
        shown, event = joined.item, joined.impression
        self._add_cause(
            Cause(
                event_id, source.partition, offset, event.event_time, event.user_id, event.is_probe
            ),
            is_logged=True,
        )
        self.logged.append(_logged({**event.user_features, **shown.features}))
        self._add_row(
            Row(
                row,
                shown.item_id,
                joined.label,
                IMPRESSION,
                propensity=shown.propensity,
                position=min(shown.position, LAST_POSITION),
            )
        )

    def _add_cause(self, cause: Cause, is_logged: bool) -> None:
        self.causes.append(cause)
        self.is_logged.append(is_logged)

    def _add_row(self, row: Row) -> None:
        """A row of the newest of the causes."""
        self.rows.append(row)
        self.cause_of.append(len(self.causes) - 1)

    def table(self, published_at: float) -> pa.Table:
        """All rows, in the order in which they were added."""
        cause_of = np.array(self.cause_of)
        causes = pa.table(_columns(Cause._fields, self.causes)).take(cause_of)
        own = _columns(Row._fields, self.rows)
        own["origin"] = pa.DictionaryArray.from_arrays(own["origin"], list(ORIGINS))
        ones = pa.array(np.ones(len(self), np.float32))
        given = {**dict(zip(causes.column_names, causes.columns, strict=True)), **own}
        head = {name: given.get(name, ones) for name in _TYPES}
        head["published_at"] = pa.array(np.full(len(self), published_at))
        return pa.table({**head, **self._feature_columns(cause_of)})

    def _feature_columns(self, cause_of: np.ndarray) -> Columns:
        is_logged = np.array(self.is_logged)
        if not self.logged:
            return self._organic_columns(cause_of, is_logged)
        logged = value_columns(self.logged, FEATURES)
        if not self.items:
            return logged
        organic = self._organic_columns(cause_of, is_logged)
        return _interleaved(organic, logged, is_logged[cause_of])

    def _organic_columns(self, cause_of: np.ndarray, is_logged: np.ndarray) -> Columns:
        times = np.array([cause.event_time for cause in self.causes])
        user_of = (np.cumsum(~is_logged) - 1)[cause_of[~is_logged[cause_of]]]
        user_times = times[~is_logged]
        users: list[UserPoint] = [side.point for side in self.users]
        items: list[ItemPoint] = [side.point for side in self.items]
        user_rows = {
            **user_columns(users, user_times),
            **value_columns([side.version.values for side in self.users], _USER_ATTRIBUTES),
        }
        item_rows = {
            **item_columns(items, user_times[user_of]),
            **value_columns([side.version.values for side in self.items], _ITEM_ATTRIBUTES),
        }
        expanded = pa.table(user_rows).take(user_of)
        found = {**{n: expanded[n].combine_chunks() for n in expanded.column_names}, **item_rows}
        return {feature.name: found[feature.name] for feature in FEATURES}


def _columns(names: Sequence[str], rows: Sequence[Cause] | Sequence[Row]) -> Columns:
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return {name: pa.array(values, _TYPES[name]) for name, values in columns}


def _logged(values: Mapping[str, Any]) -> dict[str, Any]:
    """Logged feature values as the spec stores them; what it does not know is left out."""
    return {
        name: coerced(BY_NAME[name], value, f"$.{name}")
        for name, value in values.items()
        if name in BY_NAME and value is not None
    }


def _interleaved(first: Columns, second: Columns, from_second: np.ndarray) -> Columns:
    """Rows of two sets of columns in one order: row i is the next one of its set."""
    counts = np.where(from_second, np.cumsum(from_second), np.cumsum(~from_second)) - 1
    places = counts + np.where(from_second, (~from_second).sum(), 0)
    return {
        feature.name: pa.concat_arrays(
            [first[feature.name].cast(arrow_type(feature)), second[feature.name]]
        ).take(pa.array(places))
        for feature in FEATURES
    }
