"""Train/serve skew: feature values that a list was scored with, against the same recomputed.

Recomputed are the rows that the stream stored, as of the moment of the list: what training would
see without the log. Values differ where serving computes otherwise, where its copy of a row is old,
or where the stream was behind.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from features.as_of import as_of
from features.columns import arrays_from_table
from features.feature import View
from features.point_in_time import EVENT_TIMESTAMP, MICROSECONDS, point_in_time_join
from features.spec import FEATURES, VIEWS

_RELATIVE, _ABSOLUTE = 1e-3, 1e-6  # float32, and times in the log that are cut to microseconds


class Compared(NamedTuple):
    """Rows of one feature.

    Args:
        rows: that were compared.
        unequal: of these, those whose values differ.
    """

    rows: int
    unequal: int


def compare(logged: pa.Table, history: Mapping[View, pa.Table]) -> dict[str, Compared]:
    """Compare logged values with recomputed ones, by feature.

    A row of an entity of which the history has nothing is not compared, nor is a feature that was
    not logged.

    Args:
        logged: `user_id`, `item_id`, `event_time` in Unix seconds, and features by name.
        history: rows of each view in any order, `created` among their columns.
    """
    times = logged["event_time"].to_numpy()
    found: dict[str, Compared] = {}
    for entity in ("user", "item"):
        questions = pa.table(
            {
                f"{entity}_id": logged[f"{entity}_id"],
                EVENT_TIMESTAMP: pa.array((times * MICROSECONDS).astype(np.int64)),
            }
        )
        own = [view for view in VIEWS if view.entity == entity and view in history]
        for view in own:
            questions = point_in_time_join(questions, history[view], view)
        wanted = [f for f in FEATURES if f.view in own and f.name in logged.column_names]
        theirs = arrays_from_table(questions, [f for f in FEATURES if f.view in own])
        if f"{entity}_updated_at" in theirs:
            theirs = as_of(theirs, entity, times)
        ours = arrays_from_table(logged, wanted)
        known = {view: _known(questions, view) for view in own}
        for feature in wanted:
            rows = known[feature.view]
            equal = _equal(ours[feature.name][rows], theirs[feature.name][rows])
            found[feature.name] = Compared(len(equal), int((~equal).sum()))
    return found


def _known(questions: pa.Table, view: View) -> np.ndarray:
    """(rows,) bool: the history had a row of the view."""
    names = [f.name for f in FEATURES if f.view == view]
    has = np.zeros(len(questions), bool)
    for name in names:
        has |= questions[name].is_valid().to_numpy()
    return has


def _equal(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(rows,) bool; a list is equal where all of its entries are."""
    if ours.dtype.kind == "f":
        same = np.isclose(ours, theirs, rtol=_RELATIVE, atol=_ABSOLUTE)
    else:
        same = ours == theirs
    found: np.ndarray = same if same.ndim == 1 else same.all(axis=1)
    return found
