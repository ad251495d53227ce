"""A dataset as networks take it: ids as row numbers, fields with the size of their tables."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from models.evaluation.dataset import Dataset
from models.evaluation.vocabulary import Vocabulary
from models.fields import Field

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class EncodedExamples:
    """Aligned inputs, labels, and groups and weights where there are some."""

    x: Columns
    y: np.ndarray
    groups: np.ndarray | None
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def at(self, rows: np.ndarray | slice) -> Self:
        """Some of the rows."""
        groups, weights = (a if a is None else a[rows] for a in (self.groups, self.weights))
        return type(self)({k: v[rows] for k, v in self.x.items()}, self.y[rows], groups, weights)


def encoded(
    dataset: Dataset, known: np.ndarray, *, width: int, min_count: int = 1
) -> tuple[tuple[Field, ...], EncodedExamples]:
    """The fields with `width` and `rows`, and all rows of the dataset.

    Args:
        known: numbers of the rows whose ids get a row of their own; all others share one per table.
        width: values per embedding row.
        min_count: times that an id must come in the `known` rows.
    """
    tables: dict[str, list[str]] = {}
    for field in dataset.fields:
        if field.is_id:
            tables.setdefault(field.table, []).append(field.name)
    vocabularies = {
        table: Vocabulary(
            np.concatenate([dataset.columns[name][known].ravel() for name in names]), min_count
        )
        for table, names in tables.items()
    }
    fields, x = [], {}
    for field in dataset.fields:
        values = dataset.columns[field.name]
        if field.is_id:
            vocabulary = vocabularies[field.table]
            fields.append(replace(field, width=width, rows=vocabulary.rows))
            x[field.name] = vocabulary.look_up(values)
        else:
            fields.append(field)
            x[field.name] = values.astype(np.float32)
    labels = dataset.labels.astype(np.float32)
    return tuple(fields), EncodedExamples(x, labels, dataset.groups, dataset.weights)
