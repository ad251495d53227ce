"""Many Redis commands of one kind as bytes, put together a column at a time.

A command is `*<arguments>`, then each argument as `$<length>` and its bytes, each line ended by
CR LF. A pipeline of thousands is one value, without a Python object per command.

Reference: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.stores.binary import Part, fixed, joined

_END = b"\r\n"


@dataclass(frozen=True)
class Packed:
    """`count` commands, one after the other."""

    count: int
    data: bytes


def packed(*arguments: Part | np.ndarray) -> Packed:
    """One command a row of the columns among `arguments`; `bytes` are the same in every row.

    Args:
        arguments: structured arrays are cells, as they are in memory.

    >>> packed(b"DEL", pa.array([b"a", b"bc"])).data.split()
    [b'*2', b'$3', b'DEL', b'$1', b'a', b'*2', b'$3', b'DEL', b'$2', b'bc']
    """
    parts: list[Part] = []
    alike: list[bytes | np.ndarray] = [b"*%d" % len(arguments) + _END]
    for argument in arguments:
        if isinstance(argument, pa.Array):
            parts += (_of_one_size([*alike, b"$"]), _decimals(argument), _END, argument)
            alike = [_END]
        else:
            size = len(argument) if isinstance(argument, bytes) else argument.itemsize
            alike += [b"$%d" % size + _END, argument, _END]
    commands = joined(*parts, _of_one_size(alike))
    return Packed(len(commands), _content(commands))


def _of_one_size(parts: Sequence[bytes | np.ndarray]) -> Part:
    """The parts one after the other: the same in every row, or at least of the same size."""
    cells = [part for part in parts if isinstance(part, np.ndarray)]
    if not cells:
        return b"".join(part for part in parts if isinstance(part, bytes))
    kinds = [part.dtype if isinstance(part, np.ndarray) else f"V{len(part)}" for part in parts]
    rows = np.empty(len(cells[0]), [(str(place), kind) for place, kind in enumerate(kinds)])
    for place, part in enumerate(parts):
        rows[str(place)] = part if isinstance(part, np.ndarray) else np.void(part)
    return fixed(rows)


def _decimals(column: pa.BinaryArray) -> pa.BinaryArray:
    """The length of each row as text."""
    return pc.binary_length(column).cast(pa.string()).cast(pa.binary())


def _content(column: pa.BinaryArray) -> bytes:
    """All rows one after the other."""
    whole = pa.ListArray.from_arrays([0, len(column)], column)
    return pc.binary_join(whole, b"")[0].as_py()
