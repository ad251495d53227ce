"""Where events of the past are: files, and tables of a database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from millstream.event_files import RegularFile, StandardInput, source_of
from millstream.event_files.database import DatabaseTable

Kind = Literal["interaction", "item", "user"]


@dataclass(frozen=True)
class LogFile:
    """A file of events.

    Args:
        path: JSON lines, CSV or Parquet, plain or compressed.
        kind: of the events of a table; JSON lines name their own.
    """

    path: Path
    kind: Kind = "interaction"

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.path.name

    def opened(self, renamed: Mapping[str, str]) -> RegularFile | StandardInput:
        """The file, whose columns may be renamed."""
        return source_of(str(self.path))

    def stated(self) -> tuple[object, ...]:
        """Identity of the file that is read."""
        found = self.path.stat()
        return self.path.name, self.kind, found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class LogTable:
    """A table of a database, or a SELECT.

    Args:
        database: its URL.
        query: name of the table, or the SELECT.
        kind: of the events.
    """

    database: str = field(repr=False)
    query: str
    kind: Kind = "interaction"

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.query

    def opened(self, renamed: Mapping[str, str]) -> DatabaseTable:
        """The table, whose columns may be renamed."""
        return DatabaseTable(self.database, self.query, renamed)

    def stated(self) -> tuple[object, ...]:
        """Identity of the rows that are read."""
        return self.kind, self.opened({}).identity()


LogSource = LogFile | LogTable
