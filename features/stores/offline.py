"""The offline store: feature rows appended to Parquet part files, nothing ever rewritten.

Rows are gathered in memory and written when a `Rotation` says so. What is gathered and not yet
written is lost in a crash, and read again by whoever feeds the appender: it commits its own
position only up to what `flush` returns. Rows that come again, by a restart here or by one of the
stream, are recognised by their source position and dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.feature import View
from features.spec import VIEWS
from features.stores.parts import NewestOffsets, Part, append_part, open_folder, parts_in
from features.stores.schema import SOURCE_OFFSET, SOURCE_PARTITION, view_schema
from millstream.batches import metadata_of
from millstream.clock import Clock, SystemClock


@dataclass(frozen=True)
class Rotation:
    """When gathered rows are written: as soon as one of these is reached, over all views.

    Args:
        rows: how many.
        size_bytes: in memory.
        age_s: seconds since the first message.
    """

    rows: int = 500_000
    size_bytes: int = 64 << 20
    age_s: float = 30.0


@dataclass
class _PartBuilder:
    """Rows of one view: `first` and `last` are the messages that they came in.

    Before there are any, `last` is the last message in the folder, -1 for none; `written` always
    is. `skip` is what message numbers are ahead of offsets, after the topic was made anew.
    """

    folder: Path
    schema: pa.Schema
    newest_offsets: NewestOffsets
    last: int
    tables: list[pa.Table] = field(default_factory=list)
    first: int = 0
    skip: int = 0
    written: int = field(init=False)

    def __post_init__(self) -> None:
        self.written = self.last

    def add(self, offset: int, rows: pa.Table) -> pa.Table:
        """Keep the rows that are new; those."""
        new = _beyond(rows, self.newest_offsets)
        if new.num_rows:
            number = self._number(offset)
            self.first = self.first if self.tables else number
            self.last = number
            self.tables.append(new.select(self.schema.names).cast(self.schema))
        return new

    def _number(self, offset: int) -> int:
        """The message's number: its offset, counted on from the last one if its log is a new one.

        Messages with new rows only ever go forward in one log.
        """
        if offset + self.skip <= self.last:
            self.skip = self.last + 1 - offset
        return offset + self.skip

    def write(self, partition: int) -> None:
        if not self.tables:
            return
        part, rows = Part(partition, self.first, self.last), pa.concat_tables(self.tables)
        append_part(self.folder, part, rows, self.newest_offsets, self.written)
        self.written = self.last
        self.tables.clear()


class OfflineAppender:
    """Appends the messages of one partition of the `features` topic, as their only writer.

    One that another has followed finds it out when it writes (`features.stores.parts`).

    Args:
        root: the offline folder; each view has a folder below it.
        partition: of the topic.
        clock: for the age of gathered rows.
    """

    def __init__(
        self,
        root: Path,
        partition: int = 0,
        rotation: Rotation | None = None,
        views: Sequence[View] = VIEWS,
        clock: Clock | None = None,
    ) -> None:
        self._partition = partition
        self._rotation = rotation or Rotation()
        self._clock = clock or SystemClock()
        self._views = {view.name: _opened(root, view, partition) for view in views}
        self._next_offset: int | None = None
        self._started_at: float | None = None
        self._rows = 0
        self._size_bytes = 0

    def append(self, view: View, offset: int, rows: pa.Table) -> int:
        """Gather the rows of the message at `offset`; how many of them were new.

        Args:
            rows: the columns of `view_schema`, in the order in which their events were processed.
        """
        new = self._views[view.name].add(offset, rows)
        if self._started_at is None:
            self._started_at = self._clock.now()
        self._rows += new.num_rows
        self._size_bytes += new.nbytes
        self._next_offset = offset + 1
        return new.num_rows

    def is_due(self) -> bool:
        """Return whether to `flush`: for the rows, or to move on past messages without new ones."""
        limit = self._rotation
        return self._started_at is not None and (
            self._rows >= limit.rows
            or self._size_bytes >= limit.size_bytes
            or self._clock.now() - self._started_at >= limit.age_s
        )

    def flush(self) -> int | None:
        """Write what is gathered; the next message to read after a restart.

        None before the first message.

        Raises:
            WriterReplaced: another process appends here now; what is gathered is not written.
        """
        for gathered in self._views.values():
            gathered.write(self._partition)
        self._rows = self._size_bytes = 0
        self._started_at = None
        return self._next_offset


def _opened(root: Path, view: View, partition: int) -> _PartBuilder:
    schema, folder = view_schema(view), root / view.name
    newest_offsets = open_folder(folder, schema)
    last = max((part.last for part in parts_in(folder) if part.partition == partition), default=-1)
    return _PartBuilder(folder, schema, newest_offsets, last)


def _beyond(rows: pa.Table, newest_offsets: NewestOffsets) -> pa.Table:
    """The rows beyond `newest_offsets`, which move on to the newest of them."""
    log = metadata_of(rows).get("source_log")
    partitions = rows[SOURCE_PARTITION].to_numpy()
    offsets = rows[SOURCE_OFFSET].to_numpy()
    new = np.ones(len(offsets), np.bool_)
    for partition in np.unique(partitions).tolist():
        here = partitions == partition
        source = f"{log}-{partition}" if log else str(partition)
        if source not in newest_offsets and str(partition) in newest_offsets:
            # Rows that did not say their log are of the first one that is named.
            newest_offsets[source] = newest_offsets.pop(str(partition))
        last = newest_offsets.get(source, -1)
        new[here] = offsets[here] > last
        newest_offsets[source] = max(last, int(offsets[here].max()))
    return rows if new.all() else rows.filter(pa.array(new))
