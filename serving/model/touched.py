"""Items whose vectors a delta changed."""

from collections.abc import Mapping

import numpy as np

from features.columns import Arrays
from millstream.ids import PADDING
from millstream.snapshots.layout import SHARED_ROW
from serving.catalogue.catalogue import Catalogue
from serving.model.served import ServedNetwork, ServedRetriever

Changed = Mapping[str, np.ndarray]  # 64-bit ids by table

_SLICE = 4096


def same_weights(one: ServedNetwork, other: ServedNetwork) -> bool:
    """True if two networks are one program with equal dense weights."""
    if one.program is not other.program:
        return False
    return all(map(np.array_equal, one.weights, other.weights))


def touched(
    retriever: ServedRetriever, catalogue: Catalogue, changed: Changed, time_s: float
) -> np.ndarray:
    """The catalogue's rows whose vectors are not in the index or read a row that changed."""
    found = [np.empty(0, np.int64)]
    for start in range(0, len(catalogue), _SLICE):
        rows = np.arange(start, min(start + _SLICE, len(catalogue)))
        inputs = catalogue.inputs(rows, catalogue.as_of(rows, time_s), time_s)
        is_touched = _reads(retriever.candidate, changed, inputs)
        found.append(rows[is_touched | ~retriever.index.has(rows)])
    return np.concatenate(found)


def _reads(network: ServedNetwork, changed: Changed, inputs: Arrays) -> np.ndarray:
    """(rows,) bool: whether any id of a row has a row in `changed`, its own or the shared one."""
    found = np.zeros(len(next(iter(inputs.values()))), bool)
    for look in network.program.lookups:
        ids = changed.get(look.table, np.empty(0, np.int64))
        keys = inputs[look.field]
        hit = np.isin(keys, ids)
        if np.isin(SHARED_ROW, ids):
            hit |= ~network.tables[look.table].has(keys)
        hit &= keys != PADDING
        found |= hit if hit.ndim == 1 else hit.any(axis=1)
    return found
