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


class Head(NamedTuple):
    """What a row says beside its features; the columns' types are in `_TYPES`."""

    event_id: str
    source_partition: int
    source_offset: int
    row: int
    event_time: float
    user_id: str
    item_id: str
    label: float
    origin: int
    is_probe: bool
    weight: float = 1.0
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
        heads: one a row.
        users, items: of organic rows; a user once for all rows of its event.
        user_of: which of `users` an organic row has.
        logged: features of rows from lists.
        is_logged: which of the two a row is.
    """

    heads: list[Head] = field(default_factory=list)
    users: list[Side] = field(default_factory=list)
    items: list[Side] = field(default_factory=list)
    user_of: list[int] = field(default_factory=list)
    logged: list[Mapping[str, Any]] = field(default_factory=list)
    is_logged: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.heads)

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
        event = sourced.event
        self.users.append(user)
        rows = [(event.item_id, item, label, 1.0, ORGANIC)]
        rows += [(other, side, 0.0, probability, SAMPLED) for other, side in negatives]
        for row, (item_id, side, given, chance, origin) in enumerate(rows):
            self.items.append(side)
            self.user_of.append(len(self.users) - 1)
            self.is_logged.append(False)
            head = Head(
                event_id=event.event_id,
                source_partition=sourced.source.partition,
                source_offset=sourced.offset,
                row=row,
                event_time=event.event_time,
                user_id=event.user_id,
                item_id=item_id,
                label=given,
                sampled_probability=chance,
                origin=origin,
                is_probe=event.is_probe,
            )
            self.heads.append(head)

    def add_joined(
        self, source: Source, offset: int, event_id: str, row: int, joined: Joined
    ) -> None:
        """A shown item with its label; `source`, `offset` and `event_id` are of what settled it."""
        shown, event = joined.item, joined.impression
        self.logged.append(_logged({**event.user_features, **shown.features}))
        self.is_logged.append(True)
        head = Head(
            event_id=event_id,
            source_partition=source.partition,
            source_offset=offset,
            row=row,
            event_time=event.event_time,
            user_id=event.user_id,
            item_id=shown.item_id,
            label=joined.label,
            origin=IMPRESSION,
            propensity=shown.propensity,
            position=min(shown.position, LAST_POSITION),
            is_probe=event.is_probe,
        )
        self.heads.append(head)

    def table(self, published_at: float) -> pa.Table:
        """All rows, in the order in which they were added."""
        columns = zip(Head._fields, zip(*self.heads, strict=True), strict=True)
        head = {name: pa.array(values, _TYPES[name]) for name, values in columns}
        head["origin"] = pa.DictionaryArray.from_arrays(head["origin"], list(ORIGINS))
        head["published_at"] = pa.array(np.full(len(self), published_at))
        return pa.table({**head, **self._feature_columns()})

    def _feature_columns(self) -> Columns:
        if not self.logged:
            return self._organic_columns()
        logged = value_columns(self.logged, FEATURES)
        if not self.items:
            return logged
        organic = self._organic_columns()
        return _interleaved(organic, logged, np.array(self.is_logged))

    def _organic_columns(self) -> Columns:
        rows = zip(self.heads, self.is_logged, strict=True)
        times = np.array([head.event_time for head, is_logged in rows if not is_logged])
        user_of = np.array(self.user_of)
        user_times = times[np.searchsorted(user_of, np.arange(len(self.users)))]
        users: list[UserPoint] = [side.point for side in self.users]
        items: list[ItemPoint] = [side.point for side in self.items]
        user_rows = {
            **user_columns(users, user_times),
            **value_columns([side.version.values for side in self.users], _USER_ATTRIBUTES),
        }
        item_rows = {
            **item_columns(items, times),
            **value_columns([side.version.values for side in self.items], _ITEM_ATTRIBUTES),
        }
        expanded = pa.table(user_rows).take(user_of)
        found = {**{n: expanded[n].combine_chunks() for n in expanded.column_names}, **item_rows}
        return {feature.name: found[feature.name] for feature in FEATURES}


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
