"""Tables cut by a hash of an id: one Arrow file a write, with a batch for each bucket."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import xxhash

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


def bucket_of(entity_id: str, buckets: int) -> int:
    """The bucket of an id: the same in every process."""
    return xxhash.xxh32_intdigest(entity_id.encode(), 1) % buckets


def buckets_of(ids: Sequence[str], buckets: int) -> np.ndarray:
    """(ids,) their buckets."""
    found: dict[str, int] = {}
    for each in ids:
        if each not in found:
            found[each] = bucket_of(each, buckets)
    return np.array([found[each] for each in ids], np.int64)


class Buckets:
    """A folder of such files; the order of their names is that in which they are read.

    Args:
        folder: of these files alone.
        count: how many buckets there are.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count

    def write(self, name: str, rows: pa.Table, bucket: np.ndarray) -> None:
        """Write one file; rows of one bucket stay in their order.

        Args:
            name: of the file, without its ending; may begin with a folder.
            bucket: (rows,) of each row.
        """
        path = self.folder / f"{name}.arrow"
        path.parent.mkdir(parents=True, exist_ok=True)
        order = np.argsort(bucket, kind="stable")
        ends = np.searchsorted(bucket[order], np.arange(self.count), side="right").tolist()
        whole = rows.take(pa.array(order)).combine_chunks()
        with pa.OSFile(str(path), "wb") as file, _writer(file, rows.schema) as writer:
            start = 0
            for end in ends:
                writer.write_batch(_batch(whole.slice(start, end - start)))
                start = end

    def read(self, bucket: int) -> Iterator[pa.Table]:
        """The rows of one bucket, file by file; empty ones are left out."""
        for path in sorted(self.folder.rglob("*.arrow")):
            with pa.memory_map(str(path)) as file:
                batch = pa.ipc.open_file(file).get_batch(bucket)
            if batch.num_rows:
                yield pa.Table.from_batches([batch])


def _writer(file: pa.NativeFile, schema: pa.Schema) -> pa.RecordBatchFileWriter:
    return pa.ipc.new_file(file, schema, options=_OPTIONS)


def _batch(rows: pa.Table) -> pa.RecordBatch:
    """The rows, of one chunk, as one batch, also where there are none."""
    batches = rows.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], rows.schema)
