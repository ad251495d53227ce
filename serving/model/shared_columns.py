"""Columns that all rows share beside columns that each row has for itself.

A list has one user and n items, and most columns are the user's. A matrix of n rows is kept as

    own columns:    own                       (n, how many)
    the others:     row + sum_k A_k M_k       one row, and narrow (n, r) matrices A_k

so that a product costs what the own columns cost, and not what the whole width would:

    x W = own W_own + sum_k A_k (M_k W) + row W

A cross layer x_0 * (x W + b) + x is linear in x wherever x_0 is shared, so it keeps this form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from operator import not_

import numpy as np

Terms = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class SharedColumns:
    """A matrix of n rows, in parts.

    Args:
        own: (n, m): the columns that each row has for itself.
        columns: where those stand in the whole, (m,) integers.
        row: (1, width), zeros in the own columns.
        terms: pairs A, M of shapes (n, r) and (r, width); M has zeros in the own columns.
    """

    own: np.ndarray
    columns: np.ndarray
    row: np.ndarray
    terms: Terms = ()

    def whole(self) -> np.ndarray:
        """The matrix itself, (n, width)."""
        rows = np.repeat(self.row, len(self.own), axis=0)
        for a, m in self.terms:
            rows += a @ m
        rows[:, self.columns] = self.own
        return rows


Value = np.ndarray | SharedColumns


def whole(x: Value) -> np.ndarray:
    """The array that `x` is, or stands for."""
    return x.whole() if isinstance(x, SharedColumns) else x


def linear(x: Value, kernel: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """The product x W + b, a new array."""
    return _total(*_product(x, kernel, bias))


def crossed(x0: Value, x: Value, z: Value, kernel: np.ndarray, bias: np.ndarray) -> Value:
    """A cross layer, x_0 * (z W + b) + x, where z is x or a projection of it."""
    terms, row = _product(z, kernel, bias)
    if not (isinstance(x0, SharedColumns) and isinstance(x, SharedColumns) and _fit(x0, x)):
        return whole(x0) * _total(terms, row) + whole(x)
    at = x0.columns
    own = x0.own * _total([(a, m.take(at, 1)) for a, m in terms], row.take(at, -1))
    own += x.own
    weighed = [(a, x0.row * m) for a, m in terms]
    return SharedColumns(own, at, x0.row * row + x.row, _merged([*weighed, *x.terms]))


def concatenate(parts: Sequence[Value]) -> Value:
    """Values side by side along their last axis; arrays with one row stand for all rows.

    >>> both = concatenate([np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])])
    >>> both.row, both.whole()
    (array([[1., 2., 0.]]), array([[1., 2., 3.],
           [1., 2., 4.]]))
    """
    rows = max(map(_rows, parts))
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) < len(parts):
        return _side_by_side(parts, rows)
    if arrays[0].ndim == 2 and min(map(len, arrays)) < rows:
        return _arrays_side_by_side(arrays, rows)
    spread = [x if len(x) == rows else np.broadcast_to(x, (rows, *x.shape[1:])) for x in arrays]
    return np.concatenate(spread, axis=-1)


def _product(x: Value, kernel: np.ndarray, bias: np.ndarray | None) -> tuple[Terms, np.ndarray]:
    """Terms and a row, whose total is x W + b."""
    row = np.zeros(kernel.shape[1:], kernel.dtype) if bias is None else bias
    if isinstance(x, np.ndarray):
        return [(x, kernel)], row
    terms = [(x.own, kernel.take(x.columns, 0)), *((a, m @ kernel) for a, m in x.terms)]
    return terms, x.row @ kernel + row


def _total(terms: Terms, row: np.ndarray) -> np.ndarray:
    (a, m), *others = terms
    total: np.ndarray = a @ m
    for a, m in others:
        total += a @ m
    total += row
    return total


def _fit(x0: SharedColumns, x: SharedColumns) -> bool:
    """True if the product of `x0` with what is linear in rows is linear in rows again."""
    if x0.terms:
        return False
    return x0.columns is x.columns or np.array_equal(x0.columns, x.columns)


def _merged(terms: Terms) -> Terms:
    """Terms with the same A as one."""
    sums: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for a, m in terms:
        sums[id(a)] = (a, sums[id(a)][1] + m) if id(a) in sums else (a, m)
    return tuple(sums.values())


def _rows(x: Value) -> int:
    return len(x.own if isinstance(x, SharedColumns) else x)


def _arrays_side_by_side(arrays: Sequence[np.ndarray], rows: int) -> SharedColumns:
    is_own = tuple(len(array) == rows for array in arrays)
    columns, shared, width = _layout(tuple(array.shape[1] for array in arrays), is_own)
    row = np.zeros((1, width), np.float32)
    row[:, shared] = np.concatenate([*compress(arrays, map(not_, is_own))], axis=1)
    return SharedColumns(np.concatenate([*compress(arrays, is_own)], axis=1), columns, row)


@lru_cache(maxsize=256)
def _layout(
    widths: tuple[int, ...], is_own: tuple[bool, ...]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Own columns, shared columns and the width of the whole: the same in every request."""
    of_own = np.repeat(is_own, widths)
    columns, shared = np.flatnonzero(of_own), np.flatnonzero(~of_own)
    columns.setflags(write=False)
    return columns, shared, len(of_own)


def _side_by_side(parts: Sequence[Value], rows: int) -> SharedColumns:
    own: list[np.ndarray] = []
    columns: list[int] = []
    terms: list[tuple[np.ndarray, np.ndarray]] = []
    width = sum(
        part.row.shape[1] if isinstance(part, SharedColumns) else part.shape[1] for part in parts
    )
    row = np.zeros((1, width), np.float32)
    start = 0
    for part in parts:
        if isinstance(part, SharedColumns):
            stop = start + part.row.shape[1]
            own.append(part.own)
            columns += (part.columns + start).tolist()
            row[:, start:stop] = part.row
            terms += [(a, _widened(m, start, width)) for a, m in part.terms]
        else:
            stop = start + part.shape[1]
            if len(part) == rows:
                own.append(part)
                columns += range(start, stop)
            else:
                row[:, start:stop] = part
        start = stop
    return SharedColumns(np.concatenate(own, axis=1), np.array(columns), row, _merged(terms))


def _widened(m: np.ndarray, start: int, width: int) -> np.ndarray:
    """`m` in the columns from `start` on, zeros around it."""
    whole = np.zeros((len(m), width), m.dtype)
    whole[:, start : start + m.shape[1]] = m
    return whole
