"""Datasets in CSV, Parquet and LibFM files that a schema describes."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from millstream.errors import ConfigurationError, DatasetError
from models.evaluation import libfm, schema
from models.evaluation.dataset import Dataset
from models.evaluation.schema import Column, Schema
from models.losses.watch_time import watch_time_weights


def load(path: Path) -> Dataset:
    """The dataset that the schema at `path` describes.

    Raises:
        ConfigurationError: a schema that cannot work.
        DatasetError: files that are not what it says.
    """
    found = schema.read(path)
    name = found.name or path.stem
    if _format(found) == "libfm":
        return _libfm(found, path.parent, name)
    parts = [_read(files, found, path.parent) for files in found.parts if files]
    table = pa.concat_tables(parts, promote_options="permissive")
    columns = _columns(table, found)
    labels = (_floats(table, found.label) >= found.positive_from).astype(np.float32)
    return Dataset(
        name,
        found.fields,
        columns,
        labels,
        times=_times(table, found.time) if found.time else None,
        groups=_keys([table[found.group]])[0] if found.group else None,
        parts=_parts(found, [part.num_rows for part in parts]),
        weights=watch_time_weights(labels, _floats(table, found.watched))
        if found.watched
        else None,
    )


def padded(values: np.ndarray, sizes: np.ndarray, length: int) -> np.ndarray:
    """Lists, one after the other, as (n, length): cut at the end, or filled up with 0.

    >>> padded(np.array([1, 2, 3, 4]), np.array([3, 0, 1]), 2).tolist()
    [[1, 2], [0, 0], [4, 0]]
    """
    out = np.zeros((len(sizes), length), values.dtype)
    row = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(values)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = place < length
    out[row[kept], place[kept]] = values[kept]
    return out


def _format(found: Schema) -> str:
    return found.format or Path(found.parts[0][0]).suffix.removeprefix(".")


def _libfm(found: Schema, folder: Path, name: str) -> Dataset:
    if any(len(files) > 1 for files in found.parts):
        raise ConfigurationError("`format` libfm takes one file for each part.")
    if found.watched:
        raise ConfigurationError("`watched` must not be given for `format` libfm, which has none.")
    paths = [folder / file for files in found.parts for file in files]
    dataset = libfm.load(paths, found.fields, name)
    groups = dataset.columns[found.group] if found.group else None
    return Dataset(
        name,
        dataset.fields,
        dataset.columns,
        dataset.labels,
        groups=groups,
        parts=dataset.parts,
    )


def _parts(found: Schema, sizes: list[int]) -> np.ndarray | None:
    if found.files:
        return None
    numbers = [part for part, files in enumerate(found.parts) if files]
    return np.repeat(numbers, sizes)


def _read(files: list[str], found: Schema, folder: Path) -> pa.Table:
    optional = filter(None, (found.time, found.group, found.watched))
    wanted = {found.label, *found.columns, *optional}
    tables = []
    for file in files:
        path = folder / file
        try:
            if _format(found) == "parquet":
                table = pa.parquet.read_table(path)
            elif _format(found) == "csv":
                options = pa.csv.ParseOptions(delimiter=found.delimiter)
                table = pa.csv.read_csv(path, parse_options=options)
            else:
                raise ConfigurationError(
                    f"`format` must be given for {file}: csv, parquet or libfm."
                )
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"{path} cannot be read: {error}") from error
        if missing := sorted(wanted - set(table.column_names)):
            raise DatasetError(f"{path} must have the columns {missing}.")
        tables.append(table.select(sorted(wanted)))
    return pa.concat_tables(tables, promote_options="permissive")


def _columns(table: pa.Table, found: Schema) -> dict[str, np.ndarray]:
    out = {}
    sharing: dict[str, list[str]] = {}
    for field in found.fields:
        if field.is_id:
            sharing.setdefault(field.table, []).append(field.name)
        elif field.width == 1:
            out[field.name] = _floats(table, field.name)
        else:
            values, sizes = _flat(table[field.name], found.columns[field.name])
            out[field.name] = padded(
                _numbers(values, field.name).astype(np.float32), sizes, field.width
            )
    for names in sharing.values():
        out |= _ids(table, names, found)
    return out


def _ids(table: pa.Table, names: list[str], found: Schema) -> dict[str, np.ndarray]:
    """Columns of one embedding table: equal keys are equal numbers in all of them."""
    flat = {
        name: _flat(table[name], found.columns[name])
        if found.columns[name].kind == "list"
        else (table[name], None)
        for name in names
    }
    keys = _keys([values for values, _ in flat.values()])
    return {
        name: key if sizes is None else padded(key, sizes, found.columns[name].length)
        for (name, (_, sizes)), key in zip(flat.items(), keys, strict=True)
    }


def _keys(columns: list[Any]) -> list[np.ndarray]:
    """Numbers from 1 for the values of all columns together; 0 where there is none."""
    if len({column.type for column in columns}) > 1:
        columns = [pc.cast(column, pa.string()) for column in columns]
    joined = pa.chunked_array([chunk for c in columns for chunk in _chunks(c)], columns[0].type)
    if pa.types.is_string(joined.type):
        joined = pc.if_else(pc.equal(joined, ""), None, joined)
    codes = joined.combine_chunks().dictionary_encode()
    numbers = pc.fill_null(pc.add(codes.indices.cast(pa.int64()), 1), 0).to_numpy()
    return np.split(numbers, np.cumsum([len(column) for column in columns])[:-1])


def _chunks(column: Any) -> list[Any]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _flat(column: pa.ChunkedArray, described: Column) -> tuple[Any, np.ndarray]:
    """The entries of all lists, and how many each has."""
    if pa.types.is_string(column.type):
        column = pc.split_pattern(column, described.separator)
    lists = column.combine_chunks()
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return pc.list_flatten(lists), sizes


def _floats(table: pa.Table, name: str) -> np.ndarray:
    return _numbers(table[name], name).astype(np.float32)


def _numbers(column: Any, name: str) -> np.ndarray:
    """As float64; nothing is 0."""
    try:
        values = pc.cast(column, pa.float64())
    except pa.ArrowException as error:
        raise DatasetError(f"Column {name!r} must hold numbers: {error}") from error
    return pc.fill_null(values, 0.0).to_numpy()


def _times(table: pa.Table, name: str) -> np.ndarray:
    """Numbers of any unit, or timestamps."""
    column = table[name]
    if pa.types.is_temporal(column.type):
        column = pc.cast(pc.cast(column, pa.timestamp("us")), pa.int64())
    if column.null_count:
        raise DatasetError(f"Column {name!r} must have a time in each row.")
    return _numbers(column, name)
