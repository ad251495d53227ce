"""User states as msgpack for the store, all at once: by strings, as numbers mean nothing elsewhere.

    [time, counts, strengths, categories, recent]

Counts and strengths (events of each category, then positives) are `features.floats`; categories
and recent items are strings. Short lengths are written as long ones are, so that all rows begin
alike.

Reference: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

import msgspec
import numpy as np
import pyarrow as pa

from features.floats import unpacked
from features.interner import CATEGORIES, ITEMS, NOTHING, Interner
from features.state import States, UserState, UserValues
from features.stores.binary import fixed, joined, joined_lists, sliced

_ARRAY_OF_FIVE, _FLOAT64, _BIN16, _ARRAY16 = b"\x95", b"\xcb", b"\xc5", b"\xdc"


class _StoredState(msgspec.Struct, array_like=True, gc=False):
    time: float
    counts: bytes
    strengths: bytes
    categories: tuple[str, ...]
    recent: tuple[str, ...]


_STATE = msgspec.msgpack.Decoder(_StoredState)


def packed_users(states: States) -> pa.BinaryArray:
    """(rows,) states of `USER_VALUES` as msgpack."""
    values = states.values
    is_used = values["categories"] != NOTHING
    strengths = np.concatenate([values["events"], values["positives"]], axis=1)
    return joined(
        _ARRAY_OF_FIVE + _FLOAT64,
        fixed(states.times.astype(">f8")),
        _bin(values["counts"], np.ones(values["counts"].shape, np.bool_)),
        _bin(strengths, np.concatenate([is_used, is_used], axis=1)),
        _strings(CATEGORIES, values["categories"]),
        _strings(ITEMS, values["recent"]),
    )


def user_state(packed: bytes | msgspec.Raw) -> UserState:
    """The state of one row."""
    kept = _STATE.decode(packed)
    values = UserValues(
        unpacked(kept.counts), kept.categories, list(unpacked(kept.strengths)), kept.recent
    )
    return UserState(kept.time, values.packed())


def _bin(numbers: np.ndarray, is_used: np.ndarray) -> pa.BinaryArray:
    """Those of (rows, most) numbers that are used."""
    offsets = _offsets(is_used)
    sizes = np.diff(offsets) * numbers.itemsize
    return joined(_BIN16, _uint16(sizes), sliced(numbers[is_used], offsets))


def _strings(names: Interner, numbers: np.ndarray) -> pa.BinaryArray:
    """The strings of (rows, most) numbers."""
    is_used = numbers != NOTHING
    offsets = _offsets(is_used)
    texts = pa.ListArray.from_arrays(pa.array(offsets), names.packed_column(numbers[is_used]))
    return joined(_ARRAY16, _uint16(np.diff(offsets)), joined_lists(texts))


def _uint16(numbers: np.ndarray) -> pa.BinaryArray:
    return fixed(numbers.astype(">u2"))


def _offsets(is_used: np.ndarray) -> np.ndarray:
    offsets = np.zeros(len(is_used) + 1, np.int32)
    np.cumsum(is_used.sum(1), out=offsets[1:])
    return offsets
