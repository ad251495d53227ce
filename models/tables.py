"""Embedding tables that are held outside of a network, and where it looks them up."""

from dataclasses import dataclass

from models.rows import RowInit


@dataclass(frozen=True)
class TableSpec:
    """Specification of a table that is held elsewhere; `init.rows(ids, width, name)` fills it.

    Args:
        name: `<table>`, or `<table>:<role>` for a second table over the same ids.
        width: values per row.
        init: how a row is first drawn.
    """

    name: str
    width: int
    init: RowInit


@dataclass(frozen=True)
class Lookup:
    """One use of a table: the rows of `table` for the ids in `field` go to `input_name`.

    Args:
        field: the input that holds the ids, (batch,) or (batch, length).
        table: whose rows are meant.
        input_name: the body's input, ids' shape plus (width,). Where an id is 0, it must be zeros.
    """

    field: str
    table: str
    input_name: str
