"""Fields as a sparse matrix of columns for trees."""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import csr_matrix, hstack

from models.fields import Field, checked


class Design:
    """`{field: values}` as a matrix: ids as categories, floats as they are.

    A list of ids is a column for each id, which counts how often it comes. Padding is missing: a
    tree learns which way a missing value goes.

    Args:
        fields: ids must say their `rows`.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        given = checked(fields)
        times = {f.times for f in given}
        self.fields = tuple(f for f in given if f.name not in times)

    @property
    def kinds(self) -> list[str]:
        """Kind of each column: `c` is a category, `q` a number."""
        return [kind for field in self.fields for kind in _kinds(field)]

    def matrix(self, x: dict[str, np.ndarray]) -> csr_matrix:
        """(n, columns) float32; an entry that is not stored is missing."""
        return hstack([_columns(f, np.asarray(x[f.name])) for f in self.fields], format="csr")


def _kinds(field: Field) -> list[str]:
    if field.is_list:
        return ["q"] * (field.rows or 0)
    return ["c"] if field.is_id else ["q"] * field.width


def _columns(field: Field, values: np.ndarray) -> csr_matrix:
    n = len(values)
    values = values.reshape(n, -1)
    row = np.repeat(np.arange(n), values.shape[1])
    if field.is_list:
        kept = values.ravel() != 0
        entries = (np.ones(kept.sum(), np.float32), (row[kept], values.ravel()[kept]))
        return csr_matrix(entries, shape=(n, field.rows))
    kept = values.ravel() != 0 if field.is_id else np.ones(values.size, bool)
    column = np.tile(np.arange(values.shape[1]), n)
    entries = (values.ravel()[kept].astype(np.float32), (row[kept], column[kept]))
    return csr_matrix(entries, shape=values.shape)
