"""States and attributes to Arrow columns, by the names and types of `features/spec.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from features.as_of import as_of
from features.counters import Counters
from features.feature import Entity, Feature
from features.interner import CATEGORIES, ITEMS, NOTHING
from features.spec import BY_NAME
from features.state import ITEM_COUNTERS, USER_COUNTERS, States

Columns = dict[str, pa.Array]
Times = Sequence[float] | np.ndarray

ARROW_TYPES: dict[str, pa.DataType] = {
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "string": pa.string(),
    "string_list": pa.list_(pa.string()),
    "float32_list": pa.list_(pa.float32()),
}

_TOP = BY_NAME["user_categories"].length or 0


def arrow_type(feature: Feature) -> pa.DataType:
    """The column type of a feature."""
    return ARROW_TYPES[feature.dtype]


def item_columns(states: States, times: Times | None = None) -> Columns:
    """The columns of view `item_stats`: as of the states' own times, or as of `times` (rows,)."""
    return _arrow(_at(_counted("item", states, ITEM_COUNTERS), "item", times))


def user_columns(states: States, times: Times | None = None) -> Columns:
    """The columns of view `user_stats`: as of the states' own times, or as of `times` (rows,)."""
    counted = _at(_counted("user", states, USER_COUNTERS), "user", times)
    values = states.values
    categories = values["categories"][:, :_TOP]
    is_category = categories != NOTHING
    # Every entry of a row's list is as old as its row.
    lengths = is_category.sum(1)
    strengths = {
        "user_updated_at": np.repeat(states.times, lengths),
        "user_category_events": values["events"][:, :_TOP][is_category],
        "user_category_positives": values["positives"][:, :_TOP][is_category],
    }
    moved = _at(strengths, "user", None if times is None else np.repeat(times, lengths))
    is_item = values["recent"] != NOTHING
    offsets = _offsets(lengths)
    return {
        **_arrow(counted),
        "user_recent_items": _list_array(
            _offsets(is_item.sum(1)), ITEMS.column(values["recent"][is_item])
        ),
        "user_categories": _list_array(offsets, CATEGORIES.column(categories[is_category])),
        "user_category_events": _list_array(offsets, _float32(moved["user_category_events"])),
        "user_category_positives": _list_array(offsets, _float32(moved["user_category_positives"])),
    }


def value_columns(rows: Sequence[Mapping[str, Any]], features: Sequence[Feature]) -> Columns:
    """Columns of rows as dicts; what a row lacks is the feature's default."""
    return {
        feature.name: pa.array(
            [row.get(feature.name, feature.default) for row in rows], arrow_type(feature)
        )
        for feature in features
    }


def _counted(entity: Entity, states: States, counters: Counters) -> dict[str, np.ndarray]:
    counts = states.values["counts"]
    named = {feature.name: counts[:, n] for n, feature in enumerate(counters.features)}
    return {f"{entity}_updated_at": states.times, **named}


def _at(columns: dict[str, np.ndarray], entity: Entity, times: Any) -> dict[str, np.ndarray]:
    return columns if times is None else as_of(columns, entity, np.asarray(times, np.float64))


def _arrow(columns: Mapping[str, np.ndarray]) -> Columns:
    return {
        name: pa.array(values.astype(BY_NAME[name].dtype, copy=False))
        for name, values in columns.items()
    }


def _float32(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32))


def _list_array(offsets: np.ndarray, values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _offsets(lengths: np.ndarray) -> np.ndarray:
    """Offsets of the rows' beginnings and of the last one's end, (rows + 1,) int32."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
