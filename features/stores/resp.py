"""Many Redis commands of one kind as bytes, put together a column at a time.

A command is `*<arguments>`, then each argument as `$<length>` and its bytes, each line ended by
CR LF. A pipeline of thousands is one value, without a Python object per command.

Reference: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.stores.binary import Part, joined

_END = b"\r\n"


@dataclass(frozen=True)
class Packed:
    """`count` commands, one after the other."""

    count: int
    data: bytes


def packed(*arguments: Part) -> Packed:
    """One command a row of the columns among `arguments`; `bytes` are the same in every row.

    >>> packed(b"DEL", pa.array([b"a", b"bc"])).data.split()
    [b'*2', b'$3', b'DEL', b'$1', b'a', b'*2', b'$3', b'DEL', b'$2', b'bc']
    """
    parts: list[Part] = []
    same = b"*%d" % len(arguments) + _END
    for argument in arguments:
        if isinstance(argument, bytes):
            same += b"$%d" % len(argument) + _END + argument + _END
        else:
            parts += (same + b"$", _decimals(argument), _END, argument)
            same = _END
    commands = joined(*parts, same)
    return Packed(len(commands), _content(commands))


def _decimals(column: pa.BinaryArray) -> pa.BinaryArray:
    """The length of each row as text."""
    return pc.binary_length(column).cast(pa.string()).cast(pa.binary())


def _content(column: pa.BinaryArray) -> bytes:
    """All rows one after the other."""
    whole = pa.ListArray.from_arrays([0, len(column)], column)
    return pc.binary_join(whole, b"")[0].as_py()
