"""Stored values as Arrow columns, by the names and types of `features/spec.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from features.families.family import Columns as Columns
from features.feature import Feature

ARROW_TYPES: dict[str, pa.DataType] = {
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "string": pa.string(),
    "string_list": pa.list_(pa.string()),
    "float32_list": pa.list_(pa.float32()),
    "float64_list": pa.list_(pa.float64()),
}


def arrow_type(feature: Feature) -> pa.DataType:
    """The column type of a feature."""
    return ARROW_TYPES[feature.dtype]


def value_columns(rows: Sequence[Mapping[str, Any]], features: Sequence[Feature]) -> Columns:
    """Columns of rows as dicts; what a row lacks is the feature's default."""
    return {
        feature.name: pa.array(
            [row.get(feature.name, feature.default) for row in rows], arrow_type(feature)
        )
        for feature in features
    }
