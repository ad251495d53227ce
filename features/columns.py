"""Raw feature values to arrays: strings become 64-bit keys, lists become padded rows.

float32, float64, int64   (rows,) of that type
string                    (rows,) int64 keys of `millstream.ids`, 0 for the empty string
string_list               (rows, length) int64 keys, padded at the end with 0
float32_list              (rows, length) float32, padded at the end with 0
float64_list              (rows, length) float64, padded at the end with 0
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.feature import Feature
from millstream.ids import id64_array

Arrays = dict[str, np.ndarray]

_NUMPY: dict[str, type] = {
    "float32": np.float32,
    "float64": np.float64,
    "int64": np.int64,
    "float32_list": np.float32,
    "float64_list": np.float64,
}


def arrays_from_table(table: pa.Table, features: Iterable[Feature]) -> Arrays:
    """The columns of an Arrow table that are among `features`; a null is the feature's default."""
    wanted = (feature for feature in features if feature.name in table.column_names)
    return {feature.name: _array(table[feature.name], feature) for feature in wanted}


def arrays_from_rows(rows: Sequence[Mapping[str, Any]], features: Iterable[Feature]) -> Arrays:
    """The same from rows as dicts; a missing or None value is the feature's default."""
    return {
        feature.name: _array_of_values([row.get(feature.name) for row in rows], feature)
        for feature in features
    }


def keys_from_strings(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """(rows,) int64 keys of a string column; each distinct string is hashed once."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_encode()
    keys = id64_array(["" if value is None else value for value in whole.dictionary.to_pylist()])
    positions = pc.fill_null(whole.indices, -1).to_numpy(zero_copy_only=False)
    return np.append(keys, 0)[positions]


def _array(column: pa.ChunkedArray, feature: Feature) -> np.ndarray:
    if feature.dtype == "string":
        return keys_from_strings(column)
    if not feature.is_list:
        filled = pc.fill_null(column, feature.default)
        return filled.to_numpy().astype(_NUMPY[feature.dtype], copy=False)
    whole = column.combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(whole), 0).to_numpy(zero_copy_only=False)
    flat = whole.flatten()
    values = (
        keys_from_strings(flat)
        if feature.dtype == "string_list"
        else flat.to_numpy(zero_copy_only=False)
    )
    return padded(values, lengths, feature.length or 0)


def _array_of_values(values: Sequence[Any], feature: Feature) -> np.ndarray:
    filled = [feature.default if value is None else value for value in values]
    if feature.dtype == "string":
        return id64_array(filled)
    if not feature.is_list:
        return np.asarray(filled, _NUMPY[feature.dtype])
    flat = [entry for value in filled for entry in value]
    lengths = np.fromiter(map(len, filled), np.int64, len(filled))
    is_text = feature.dtype == "string_list"
    entries = id64_array(flat) if is_text else np.asarray(flat, _NUMPY[feature.dtype])
    return padded(entries, lengths, feature.length or 0)


def padded(values: np.ndarray, lengths: np.ndarray, length: int) -> np.ndarray:
    """Ragged rows as (rows, length): cut at `length`, padded at the end with 0.

    >>> padded(np.array([1, 2, 3]), np.array([2, 0, 1]), 3).tolist()
    [[1, 2, 0], [0, 0, 0], [3, 0, 0]]
    """
    if len(lengths) == 1:
        row = np.zeros((1, length), values.dtype)
        row[0, : len(values)] = values[:length]
        return row
    place = np.arange(length)
    starts = np.cumsum(lengths) - lengths
    inside = place < lengths[:, None]
    rows = np.zeros((len(lengths), length), values.dtype)
    rows[inside] = values[(starts[:, None] + place)[inside]]
    return rows
