"""Physical lines of a byte stream, whatever ends them, each with its number and place."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase

# An event that Kafka takes is smaller; what is longer is cut here and refused by its record.
MAX_LINE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Line:
    """One line.

    Args:
        number: from 1.
        start: offset of its first byte in the stream.
        next_byte: offset of the line after it.
        content: with its line end; cut after `MAX_LINE_BYTES`.
    """

    number: int
    start: int
    next_byte: int
    content: bytes

    @property
    def is_cut(self) -> bool:
        """True if the line is longer than `MAX_LINE_BYTES`."""
        return len(self.content) > MAX_LINE_BYTES


def lines(stream: BufferedIOBase, at_byte: int = 0, after_line: int = 0) -> Iterator[Line]:
    r"""Lines from where `stream` stands; they end with `\n`, `\r\n` or `\r`.

    Args:
        at_byte: where it stands.
        after_line: how many lines come before that.
    """
    for number, (length, content) in enumerate(_cut(stream), after_line + 1):
        yield Line(number, at_byte, at_byte + length, content)
        at_byte += length


def _cut(stream: BufferedIOBase) -> Iterator[tuple[int, bytes]]:
    """(length in the stream, content) of each line; memory is bounded by the longest allowed."""
    rest, left_out = b"", 0
    while chunk := stream.read1(_CHUNK_BYTES):
        pieces = (rest + chunk).splitlines(keepends=True)
        # After a `\r` a `\n` may still come, so only that ends a line for sure.
        rest = b"" if pieces[-1].endswith(b"\n") else pieces.pop()
        for piece in pieces:
            yield left_out + len(piece), piece[: MAX_LINE_BYTES + 1]
            left_out = 0
        if len(rest) > MAX_LINE_BYTES + 2:
            kept = rest[: MAX_LINE_BYTES + 1] + rest[-1:]
            left_out += len(rest) - len(kept)
            rest = kept
    if rest:
        yield left_out + len(rest), rest[: MAX_LINE_BYTES + 1]
