"""A Parquet table without rows, so that a query before the first event finds columns."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# The offline store's writer keeps a file of this name; it replaces ours.
SCHEMA_FILE = "00-schema.parquet"
ARROW_TYPES: dict[str, pa.DataType] = {
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "string": pa.string(),
    "string_list": pa.list_(pa.string()),
    "float32_list": pa.list_(pa.float32()),
    "float64_list": pa.list_(pa.float64()),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def ensure_table(folder: Path, columns: dict[str, str]) -> None:
    """Create `folder` with an empty table of `columns` (name to type), unless a table is there."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("*.parquet")):
        return
    schema = pa.schema([pa.field(name, ARROW_TYPES[kind]) for name, kind in columns.items()])
    pq.write_table(schema.empty_table(), folder / SCHEMA_FILE)
