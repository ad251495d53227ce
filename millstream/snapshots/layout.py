"""The names of a snapshot's parts and arrays: what the trainer writes and serving reads.

    <role>.dense      `models.weights.weight_arrays` of the role's model as the catalogue builds it
                      (of two towers: of their joint model)
    <role>.tables     of every embedding table:
                        <table>/ids      (n,) int64 keys of `millstream.ids`
                        <table>/vectors  (n, width) float32
                        <table>/removed  (m,) int64 keys, in a delta: expired since its parent
    <role>.training   what only training needs: optimiser slots, counts of rare ids, ...

Roles are `ranker` and `retriever`. Key 0 is a table's shared row: the vector of every id that has
no row of its own (too rare, or never seen). A delta is applied removals first: an id that expired
and came back is in both. Padding has no row: it is all zeros.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Role = Literal["ranker", "retriever"]
ROLES: tuple[Role, ...] = ("ranker", "retriever")

SHARED_ROW = 0
_TABLE_ARRAYS = ("ids", "vectors", "removed")


def dense_part(role: Role) -> str:
    """The part that holds the networks' weights."""
    return f"{role}.dense"


def tables_part(role: Role) -> str:
    """The part that holds the embedding rows."""
    return f"{role}.tables"


def training_part(role: Role) -> str:
    """The part that serving does not read."""
    return f"{role}.training"


def below(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names begin with `<prefix>/`, without it.

    >>> list(below("a", {"a/x/y": np.zeros(1), "b/z": np.zeros(1)}))
    ['x/y']
    """
    start = f"{prefix}/"
    return {
        name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)
    }


@dataclass(frozen=True)
class TableRows:
    """Rows of one table: all of them in a full snapshot, the changed ones in a delta.

    Args:
        ids: (n,) int64, each once; 0 is the shared row.
        vectors: (n, width) float32.
        removed: (m,) int64, to be taken away before `ids` are put in.
    """

    ids: np.ndarray
    vectors: np.ndarray
    removed: np.ndarray

    def arrays(self, table: str) -> dict[str, np.ndarray]:
        """As arrays of the tables' part."""
        return {f"{table}/{name}": getattr(self, name) for name in _TABLE_ARRAYS}


def tables_from(arrays: Mapping[str, np.ndarray]) -> dict[str, TableRows]:
    """The tables in the arrays of a tables' part, by name.

    >>> rows = TableRows(np.array([5]), np.ones((1, 2), np.float32), np.array([], np.int64))
    >>> tables_from(rows.arrays("item_id"))["item_id"].ids
    array([5])
    """
    names = {name.rpartition("/")[0] for name in arrays}
    return {
        table: TableRows(*(arrays[f"{table}/{name}"] for name in _TABLE_ARRAYS))
        for table in sorted(names)
    }
