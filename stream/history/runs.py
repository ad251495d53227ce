"""Rows in runs that are worked on at once: no deletion comes after interactions of its run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.history.rows import DELETION


@dataclass(frozen=True)
class Run:
    """Some events, in their order but for attributes, which go first.

    Args:
        interactions: their rows.
        changes: rows of events that change or delete attributes.
    """

    interactions: pa.Table
    changes: list[dict[str, Any]] = field(default_factory=list)


def runs(tables: Iterable[pa.Table], most: int) -> Iterator[Run]:
    """Runs of at most `most` rows."""
    for table in _rebatched(tables, most):
        is_change = pc.is_valid(table["content"]).to_numpy(zero_copy_only=False)
        if not is_change.any():
            yield Run(table)
            continue
        kinds = table["kind"].to_pylist()
        deletions = [n for n in np.flatnonzero(is_change).tolist() if kinds[n] == DELETION]
        cuts = sorted({0, *deletions, len(table)})
        for start, end in pairwise(cuts):
            part, own = table.slice(start, end - start), is_change[start:end]
            changes = part.filter(pa.array(own)).select(_WHOLE).to_pylist()
            yield Run(part.filter(pa.array(~own)), changes)


_WHOLE = ["fingerprint", "topic", "partition", "offset", "content"]


def _rebatched(tables: Iterable[pa.Table], most: int) -> Iterator[pa.Table]:
    """The same rows in tables of `most`, the last one of what is left."""
    gathered: list[pa.Table] = []
    count = 0
    for table in tables:
        while len(table):
            part = table.slice(0, most - count)
            gathered.append(part)
            count, table = count + len(part), table.slice(len(part))
            if count == most:
                yield pa.concat_tables(gathered).combine_chunks()
                gathered, count = [], 0
    if gathered:
        yield pa.concat_tables(gathered).combine_chunks()
