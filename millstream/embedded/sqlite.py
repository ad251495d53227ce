"""SQLite files that several threads and processes use at once: connections and transactions."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from millstream.errors import MillstreamError

# How long one that writes waits for another, seconds.
BUSY_S = 30.0
# What a connection may keep of its file in memory, KiB; the system's own cache comes beside.
_CACHE_KIB = 8_192

Sync = Literal["FULL", "NORMAL"]


class SqliteFile:
    """One file, with a connection for reading and one for writing; both may be used by any thread.

    Args:
        path: of the file; it is made where it is missing, and its folder with it.
        schema: statements that make what is missing.
        sync: `FULL` has each transaction on the disk when it ends, `NORMAL` in the system's hands:
            a process that is killed costs nothing then, a power cut the last transactions.
        error: what trouble of SQLite is raised as.

    Raises:
        MillstreamError: `error`: the file cannot be opened, or is none of SQLite's.
    """

    def __init__(
        self, path: Path, schema: str, sync: Sync, error: Callable[[str], MillstreamError]
    ) -> None:
        self.path, self._error = path, error
        self._reading, self._writing = threading.Lock(), threading.Lock()
        with self._trouble():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._write = _opened(path, sync)
                self._write.executescript(schema)
                self._read = _opened(path, sync)
            except OSError as raised:
                raise sqlite3.OperationalError(str(raised)) from raised

    def rows(self, statement: str, arguments: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows that a statement finds."""
        with self._reading, self._trouble():
            return self._read.execute(statement, tuple(arguments)).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the file."""
        with self._reading, self._trouble(), _transaction(self._read, "DEFERRED"):
            yield self._read

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that changes the file, all or nothing."""
        with self._writing, self._trouble(), _transaction(self._write, "IMMEDIATE"):
            yield self._write

    def version(self) -> int:
        """A number that differs after every change of the file, whoever made it."""
        ((found,),) = self.rows("PRAGMA data_version")
        return int(found)

    def close(self) -> None:
        """Close both connections."""
        with self._reading, self._writing:
            self._read.close()
            self._write.close()

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._error(f"{self.path.name}: {error}") from error


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _opened(path: Path, sync: Sync) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={sync}")
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    return connection
