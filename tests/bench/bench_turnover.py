"""Memory when items come and go: created, met and deleted, in the stream's core and in serving.

    python tests/bench/bench_turnover.py [--items 1000000] [--live 10000]

Prints resident memory after each tenth. It grows until the deletions that are remembered in serving
(`features/tombstones.py`: 100,000) are as many as they get, and is flat from then on.
"""

import argparse
import gc
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from features import tombstones
from features.interner import ITEMS
from features.upserts import UpsertVersion
from millstream.events import Interaction, ItemUpsert
from serving.catalogue.catalogue import REUSE_AFTER_S, Catalogue
from serving.retrieval.item_index import ItemIndex
from stream.ingest.alignment import DecodedRecord
from stream.ingest.decode import event_of
from stream.ingest.records import SourceRecord, TopicPartition
from stream.state import memory as stream_memory
from tests.support.stream_cases import START, MemoryStream, event_entry

BATCH = 1_000
DIM = 32
USERS = 1_000


class Turnover:
    """A stream's core and a serving catalogue with `live` items at a time."""

    def __init__(self, live: int) -> None:
        self._core = MemoryStream(cache_entities=20_000, dedupe_memory_bytes=4 << 20)
        self.memory = self._core.memory
        self.catalogue, self.index = Catalogue(), ItemIndex(DIM)
        self._live, self._places = live, itertools.count()
        self._now_s = START

    def turn(self, number: int) -> None:
        """Create and meet the items of one batch; delete those that are too many."""
        self._now_s += REUSE_AFTER_S
        first = number * BATCH
        self._stream(
            range(first, first + BATCH), range(first - self._live, first + BATCH - self._live)
        )
        self._serve(
            range(first, first + BATCH), range(first - self._live, first + BATCH - self._live)
        )

    def counts(self) -> dict[str, int]:
        """Entries of everything that has grown with items."""
        known = self.memory.known_items
        return {
            "known": len(known.items),
            "eligible": len(known.eligible),
            "deleted": len(known.deleted),
            "cached": len(self.memory.items),
            "numbers": len(ITEMS),
            "rows": len(self.catalogue),
            "catalogue": self.catalogue.items,
            "vectors": len(self.index),
        }

    def _stream(self, created: range, deleted: range) -> None:
        entries = [*self._events(created), *self._deletions(deleted)]
        self._core.run_entries(entries, self._now_s - START)
        self.memory.shrink()

    def _events(self, created: range) -> Iterator[DecodedRecord]:
        for n in created:
            fields: dict[str, Any] = {"event_time": self._now_s, "item_id": f"item-{n}"}
            upsert = ItemUpsert(event_id=f"u{n}", title=f"Item {n}", **fields)
            yield event_entry(upsert, offset=next(self._places))
        for n in created:
            fields = {"event_time": self._now_s + 1.0, "item_id": f"item-{n}"}
            click = Interaction(
                event_id=f"c{n}", user_id=f"user-{n % USERS}", kind="click", **fields
            )
            yield event_entry(click, offset=next(self._places))

    def _deletions(self, deleted: range) -> Iterator[DecodedRecord]:
        source = TopicPartition("items", 0)
        for n in deleted:
            if n >= 0:
                key, at_s = f"item-{n}".encode(), self._now_s + 2.0
                yield event_of(SourceRecord(source, next(self._places), key, None, at_s), at_s)

    def _serve(self, created: range, deleted: range) -> None:
        self.catalogue.pass_time(self._now_s)
        upserts = [
            ItemUpsert(
                event_id=f"u{n}", event_time=self._now_s, item_id=f"item-{n}", title=f"Item {n}"
            )
            for n in created
        ]
        rows = self.catalogue.upsert(upserts)
        self.index.put(rows, np.ones((len(rows), DIM), np.float32))
        for n in deleted:
            version = UpsertVersion(self._now_s + 2.0, "deletion")
            row = self.catalogue.delete(f"item-{n}", version, self._now_s)
            if row is not None:
                self.index.drop(np.array([row]))


def resident_mb() -> float:
    """Resident memory of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--live", type=int, default=10_000)
    parser.add_argument("--remembered", type=int, default=100_000, help="deletions, in serving")
    options = parser.parse_args()
    stream_memory.MOST_NUMBERS = min(stream_memory.MOST_NUMBERS, options.items // 5)
    tombstones.MOST = options.remembered
    turnover, turns = Turnover(options.live), options.items // BATCH
    for number in range(turns):
        turnover.turn(number)
        if (number + 1) % max(turns // 10, 1) == 0:
            gc.collect()
            print(f"{(number + 1) * BATCH:>9,} items {resident_mb():7.0f} MiB", turnover.counts())


if __name__ == "__main__":
    main()
