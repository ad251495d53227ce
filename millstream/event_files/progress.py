"""How far a file has been published; kept beside it while it is not finished."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from millstream.event_files.records import FileRecord, digest


@dataclass(frozen=True)
class PublishProgress:
    """Delivered part of one file.

    Args:
        seed: of the file's event ids; says which file it is.
        ordinal, line, next_byte: the last record, its last line, and where the next one begins.
        start, length, content: where the last record is, and the digest of its bytes: a file that
            has changed before there is not gone on with.
    """

    seed: str
    ordinal: int
    line: int
    next_byte: int
    start: int
    length: int
    content: str

    @staticmethod
    def path(file: Path) -> Path:
        """Path of the progress file."""
        return file.with_name(f".{file.name}.published")

    @classmethod
    def after(cls, seed: str, record: FileRecord) -> "PublishProgress":
        """Progress of a file whose records are delivered up to `record`."""
        return cls(
            seed=seed,
            ordinal=record.ordinal,
            line=record.last_line,
            next_byte=record.next_byte,
            start=record.start,
            length=len(record.content),
            content=digest(record.content),
        )

    @classmethod
    def load(cls, file: Path) -> "PublishProgress | None":
        """Remembered progress of a file of this name."""
        try:
            return cls(**json.loads(cls.path(file).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, file: Path) -> None:
        """Remember it, whole or not at all.

        Raises:
            OSError: the folder cannot be written to.
        """
        target = self.path(file)
        draft = target.with_name(f"{target.name}.new")
        draft.write_text(json.dumps(asdict(self)))
        os.replace(draft, target)

    @classmethod
    def forget(cls, file: Path) -> None:
        """Remove what is remembered."""
        cls.path(file).unlink(missing_ok=True)
