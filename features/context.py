"""Context of a request or an event, such as the device, as inputs of models.

What was said when a list was asked for is logged with it, and what is said of an event without a
list is in the event: training reads the same texts by the same rule as serving did.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.columns import Arrays, keys_from_strings
from features.feature import ModelInput
from features.rows import Columns
from millstream.domain import Domain, domain
from millstream.ids import id64, id64_array

# A field of this name is the list's placement where the context does not say.
PLACEMENT = "placement"


@dataclass(frozen=True)
class ContextColumn:
    """One field of the context.

    Args:
        key: in the context of a request or an event.
        default: the text where it is missing.
        max_characters: of a text; what is longer is cut.
        table: of its embedding.
    """

    key: str
    default: str
    max_characters: int
    table: str

    @property
    def name(self) -> str:
        """Name of the column of an example, and of the models' input."""
        return f"context_{self.key}"

    @property
    def model_input(self) -> ModelInput:
        """Input of models."""
        return ModelInput(self.name, "id", "context", table=self.table)

    def text(self, context: Mapping[str, str], placement: str = "") -> str:
        """Value that a context has, or the default."""
        said = context.get(self.key) or (placement if self.key == PLACEMENT else "")
        return said[: self.max_characters] or self.default


def context_columns(declared: Domain) -> tuple[ContextColumn, ...]:
    """The fields that a domain declares, in their order."""
    return tuple(
        ContextColumn(key, each.default, each.max_characters, each.table or f"context_{key}")
        for key, each in declared.context.items()
    )


CONTEXT = context_columns(domain())


def texts_of(
    context: Mapping[str, str],
    placement: str = "",
    columns: tuple[ContextColumn, ...] = CONTEXT,
) -> dict[str, str]:
    """The text of each field, by column.

    Args:
        context: of a request, a list that was shown, or an event.
        placement: of the list; "" is none.
    """
    return {column.name: column.text(context, placement) for column in columns}


def arrow_columns(
    texts: Iterable[Mapping[str, str]], columns: tuple[ContextColumn, ...] = CONTEXT
) -> Columns:
    """Columns of examples, a row for each of `texts_of`."""
    rows = list(texts) if columns else []
    return {c.name: pa.array([row[c.name] for row in rows], pa.string()) for c in columns}


def arrays_of(texts: Mapping[str, str], columns: tuple[ContextColumn, ...] = CONTEXT) -> Arrays:
    """Inputs of one request, (1,) int64 keys each."""
    return {column.name: id64_array([texts[column.name]]) for column in columns}


def arrays_from_examples(table: pa.Table, columns: tuple[ContextColumn, ...] = CONTEXT) -> Arrays:
    """Inputs of examples, (rows,) int64 keys each; what a message lacks is the default."""
    return {column.name: _keys(table, column) for column in columns}


def _keys(table: pa.Table, column: ContextColumn) -> np.ndarray:
    missing = id64(column.default)
    if column.name not in table.column_names:
        return np.full(len(table), missing)
    keys = keys_from_strings(table[column.name])
    return np.where(keys == 0, missing, keys)
