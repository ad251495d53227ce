"""The folder of one run over history, and the files of its buckets.

scan.msgpack               what the first pass found; the second begins when it is there
events/, touches/          events by bucket of their user, and of their item; removed at the end
offline/<view>/            feature rows, in the layout of the offline store
state/<entity>-<bucket>    ids, and entities as the stream stores them
online/<view>-<bucket>     the last row of each entity
rest/<entity>-<bucket>     what else a bucket left; written last, so that it is whole
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from features.feature import Entity, View
from features.stores.parts import NewestOffsets, Part, write_part
from features.stores.schema import SOURCE_OFFSET, SOURCE_PARTITION, view_schema
from stream.history.buckets import Buckets
from stream.outputs.effects import FeatureRows

# Part files of buckets are numbered beyond every partition of the topic `features`.
FIRST_PARTITION = 1_000_000
# Those of the part of a log that the stream's own core works on (`stream/history/tail.py`).
TAIL_PARTITION = FIRST_PARTITION - 1
# Feature rows of a part file.
PART_ROWS = 1_000_000

_STATE = pa.schema([("id", pa.string()), ("stored", pa.binary())])


@dataclass(frozen=True)
class Work:
    """What a bucket needs to know.

    Args:
        folder: of the run.
        buckets: of users, and of items.
        created_at: Unix seconds: when the rows are made.
        horizon_s: how far out of order an event may come (`features.history.add`).
        logs: which log the offsets of a topic are of.
        rows_at_once: events that are worked on together.
        before: folder of the run whose end this one goes on from, of as many buckets.
    """

    folder: Path
    buckets: int
    created_at: float
    horizon_s: float
    logs: Mapping[str, str] = field(default_factory=dict)
    rows_at_once: int = 50_000
    before: Path | None = None

    @property
    def events_of_users(self) -> Buckets:
        """Events by the bucket of their user."""
        return Buckets(self.folder / "events" / "users", self.buckets)

    @property
    def changes_of_items(self) -> Buckets:
        """Upserts and deletions of items by the item's bucket."""
        return Buckets(self.folder / "events" / "items", self.buckets)

    @property
    def events_of_items(self) -> Buckets:
        """Interactions by the bucket of their item, with what their users had met."""
        return Buckets(self.folder / "touches", self.buckets)

    @property
    def offline(self) -> Path:
        """Folder of the feature rows."""
        return self.folder / "offline"

    def files(self, entity: Entity, bucket: int) -> "BucketFiles":
        """Files of one bucket, to be written."""
        return BucketFiles(self, entity, bucket)

    def rest(self, entity: Entity, bucket: int) -> Path:
        """The last file of a bucket."""
        return self.folder / "rest" / f"{entity}-{bucket:06d}.msgpack"

    def state(self, entity: Entity, bucket: int) -> Path:
        """Entities of a bucket."""
        return self.folder / "state" / f"{entity}-{bucket:06d}.arrow"

    def begun(self, entity: Entity, bucket: int) -> dict[str, bytes]:
        """Entities of a bucket as they are before the run."""
        if self.before is None:
            return {}
        table = read_table(replace(self, folder=self.before).state(entity, bucket))
        return dict(zip(table["id"].to_pylist(), table["stored"].to_pylist(), strict=True))

    def online(self, view: View, bucket: int) -> Path:
        """Last rows of a bucket."""
        return self.folder / "online" / f"{view.name}-{bucket:06d}.arrow"


class BucketFiles:
    """What one bucket writes; files of the same names are replaced."""

    def __init__(self, work: Work, entity: Entity, bucket: int) -> None:
        self._work, self._entity, self._bucket = work, entity, bucket
        self._gathered: dict[View, list[pa.Table]] = {}
        self._topics: dict[View, str] = {}
        self._written: dict[View, int] = {}

    def append(self, rows: Sequence[FeatureRows]) -> None:
        """Gather feature rows; write the part files that are full."""
        for each in rows:
            tables = self._gathered.setdefault(each.view, [])
            tables.append(each.rows)
            self._topics[each.view] = each.source_topic.name
            if sum(map(len, tables)) >= PART_ROWS:
                self._write_part(each.view)

    def finish(
        self, stored: Mapping[str, bytes], online: Sequence[FeatureRows], rest: Mapping[str, Any]
    ) -> None:
        """Write what is left; the last file says that the bucket is whole."""
        for view in list(self._gathered):
            self._write_part(view)
        table = pa.table([list(stored), list(stored.values())], schema=_STATE)
        _write(self._work.state(self._entity, self._bucket), table)
        for each in online:
            _write(self._work.online(each.view, self._bucket), each.rows.take(each.last))
        replace_file(self._work.rest(self._entity, self._bucket), msgspec.msgpack.encode(rest))

    def _write_part(self, view: View) -> None:
        tables = self._gathered.pop(view, [])
        if not tables:
            return
        rows, number = pa.concat_tables(tables), self._written.get(view, 0)
        part = Part(FIRST_PARTITION + self._bucket, number, number)
        schema = view_schema(view)
        offsets = self._newest_offsets(view, rows)
        write_part(self._work.offline / view.name / part.name, rows.cast(schema), offsets)
        self._written[view] = number + 1

    def _newest_offsets(self, view: View, rows: pa.Table) -> NewestOffsets:
        """See `features.stores.parts`."""
        log = self._work.logs.get(self._topics[view], "")
        partitions, offsets = rows[SOURCE_PARTITION].to_numpy(), rows[SOURCE_OFFSET].to_numpy()
        return {
            f"{log}-{partition}" if log else str(partition): int(
                offsets[partitions == partition].max()
            )
            for partition in np.unique(partitions).tolist()
        }


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)


def read_table(path: Path) -> pa.Table:
    """The rows of a file of `BucketFiles`."""
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_file(file, table.schema, options=options) as writer,
    ):
        writer.write_table(table)
