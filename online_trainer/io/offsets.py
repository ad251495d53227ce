"""Input offset, and the highest upstream offset per partition (for deduplication).

After a crash the stream worker may publish rows again. Each row carries the position of the event
that caused it; what lies at or below the highest one seen of its source is dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from millstream.batches import metadata_of


@dataclass
class Offsets:
    """Input offset, source high watermarks, and totals so far.

    Args:
        offset: of the next message of `examples`.
        log: which log that offset is of; "" is not known.
        marks: highest source offset seen, by `topic@log-partition`; without `@log` where the rows
            do not say which log their positions are of. A topic whose rows come in several lanes
            has one for each, `topic/lane`: positions grow within a lane.
        event_time: the latest that has been learnt from (a probe is not), Unix seconds.
        examples: how many have been learnt from since the very first.
    """

    offset: int = 0
    marks: dict[str, int] = field(default_factory=dict)
    event_time: float = 0.0
    examples: int = 0
    log: str = ""

    def unseen(self, table: pa.Table) -> np.ndarray:
        """(rows,) bool: which rows of a message have not been seen yet."""
        names, offsets = _sources(table)
        self._adopt(names)
        seen = np.array([self.marks.get(name, -1) for name in names])
        return offsets > seen

    def advance(self, offset: int, table: pa.Table | None = None) -> None:
        """The message at `offset` is done; `table` is what it held, if it could be read."""
        self.offset = offset + 1
        if table is not None:
            names, offsets = _sources(table)
            self._adopt(names)
            self._mark(names, offsets)

    def _mark(self, names: list[str], offsets: np.ndarray) -> None:
        for name in set(names):
            own = offsets[np.array(names) == name]
            self.marks[name] = max(self.marks.get(name, -1), int(own.max()))

    def begin(self, log: str, offset: int, *, is_other: bool) -> None:
        """Go on at `offset` of `log`; another log than before has none of the rows without one."""
        self.log, self.offset = log, offset
        if is_other:
            self.marks = {name: mark for name, mark in self.marks.items() if "@" in name}

    def _adopt(self, names: list[str]) -> None:
        """Marks of rows that did not say their log are those of the first log that is named."""
        for name in set(names) - self.marks.keys():
            topic, _, rest = name.partition("@")
            before = f"{topic}-{rest.rpartition('-')[2]}"
            if rest and before in self.marks:
                self.marks[name] = self.marks.pop(before)

    @classmethod
    def restored(
        cls, offset: int, marks: Mapping[str, int], event_time: float, examples: int, log: str = ""
    ) -> "Offsets":
        """From a manifest's values."""
        return cls(offset, dict(marks), event_time, examples, log)


def _sources(table: pa.Table) -> tuple[list[str], np.ndarray]:
    """Source partition (`topic@log-partition`) and offset of each row."""
    metadata = metadata_of(table)
    log = metadata.get("source_log")
    lane = metadata.get("source_lane")
    topic = metadata["source_topic"] + (f"/{lane}" if lane else "") + (f"@{log}" if log else "")
    partitions = table["source_partition"].to_numpy()
    return [f"{topic}-{partition}" for partition in partitions], table["source_offset"].to_numpy()
