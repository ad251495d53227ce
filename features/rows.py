"""Points and attributes to Arrow columns, by the names and types of `features/spec.py`."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from features.as_of import as_of
from features.counters import Counters
from features.feature import Entity, Feature
from features.floats import flat
from features.spec import BY_NAME
from features.state import ITEM_COUNTERS, USER_COUNTERS, ItemPoint, UserPoint

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


def item_columns(points: Sequence[ItemPoint], times: Times | None = None) -> Columns:
    """The columns of view `item_stats`: as of the points' own times, or as of `times` (rows,)."""
    return _arrow(_at(_counted("item", points, ITEM_COUNTERS), "item", times))


def user_columns(points: Sequence[UserPoint], times: Times | None = None) -> Columns:
    """The columns of view `user_stats`: as of the points' own times, or as of `times` (rows,)."""
    counted = _at(_counted("user", points, USER_COUNTERS), "user", times)
    categories = [point.categories[:_TOP] for point in points]
    offsets = _offsets(categories)
    # Every entry of a row's list is as old as its row.
    lengths = np.diff(offsets)
    strengths = {
        "user_updated_at": np.repeat(counted["user_updated_at"], lengths),
        "user_category_events": flat([point.packed_events(_TOP) for point in points]),
        "user_category_positives": flat([point.packed_positives(_TOP) for point in points]),
    }
    moved = _at(strengths, "user", None if times is None else np.repeat(times, lengths))
    return {
        **_arrow(counted),
        "user_recent_items": _lists([point.recent for point in points]),
        "user_categories": _list_array(offsets, _strings(categories)),
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


def _counted(
    entity: Entity, points: Sequence[ItemPoint] | Sequence[UserPoint], counters: Counters
) -> dict[str, np.ndarray]:
    names = [feature.name for feature in counters.features]
    counts = flat([point.packed_counts for point in points]).reshape(-1, len(names))
    times = np.array([point.time for point in points], np.float64)
    return {f"{entity}_updated_at": times, **dict(zip(names, counts.T, strict=True))}


def _at(columns: dict[str, np.ndarray], entity: Entity, times: Any) -> dict[str, np.ndarray]:
    return columns if times is None else as_of(columns, entity, np.asarray(times, np.float64))


def _arrow(columns: Mapping[str, np.ndarray]) -> Columns:
    return {
        name: pa.array(values.astype(BY_NAME[name].dtype, copy=False))
        for name, values in columns.items()
    }


def _float32(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32))


def _lists(rows: Sequence[Sequence[str]]) -> pa.ListArray:
    return _list_array(_offsets(rows), _strings(rows))


def _strings(rows: Sequence[Sequence[str]]) -> pa.StringArray:
    return pa.array(list(chain.from_iterable(rows)), pa.string())


def _list_array(offsets: np.ndarray, values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _offsets(rows: Sequence[Sequence[Any]]) -> np.ndarray:
    """Where each row begins and the last one ends, (rows + 1,) int32."""
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return offsets
