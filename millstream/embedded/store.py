"""The embedded store: the commands of Redis that Millstream uses, carried out on one SQLite file.

What is written under which name is the same as in Redis, byte for byte, so that the stream, serving
and `millstream migrate` need not know which of both they have.

    strings   a value, and when it is over
    appended  a value that is appended to (`APPEND`): numbered pieces
    hashes    a whole hash in one row: the feature rows, which are written as a whole
    fields    hashes of the stream's state, a field each: they may have very many
    lists     numbered values
    members   sets

A transaction (`MULTI` to `EXEC`) is one of SQLite's. It is in the system's hands when it ends: a
process that is killed costs nothing. After a power cut the store may be older than the log, which
is where it is read on from. Keys that are over are gone at the next `tidy` at the latest.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from millstream.clock import Clock, SystemClock
from millstream.embedded.sqlite import SqliteFile
from millstream.embedded.transaction import TABLES, Argument, Reply, Transaction
from millstream.errors import StoreUnavailable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS strings (key BLOB PRIMARY KEY, value BLOB NOT NULL, until REAL);
CREATE TABLE IF NOT EXISTS hashes (key BLOB PRIMARY KEY, value BLOB NOT NULL, until REAL);
CREATE TABLE IF NOT EXISTS fields (
    key BLOB, field BLOB, value BLOB NOT NULL, PRIMARY KEY (key, field)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS appended (
    key BLOB, place INTEGER, value BLOB NOT NULL, PRIMARY KEY (key, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lists (
    key BLOB, place INTEGER, value BLOB NOT NULL, PRIMARY KEY (key, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    key BLOB, member BLOB, PRIMARY KEY (key, member)) WITHOUT ROWID;
"""


class EmbeddedStore:
    """A store in a file.

    Args:
        path: of the file.
        by_field: hashes whose keys begin so are kept field by field.
        clock: tells when a key is over.

    Raises:
        StoreUnavailable: the file cannot be opened.
    """

    def __init__(self, path: Path, by_field: str, clock: Clock | None = None) -> None:
        self._file = SqliteFile(path, _SCHEMA, "NORMAL", StoreUnavailable)
        self._by_field, self._clock = by_field.encode(), clock or SystemClock()

    def read(self, commands: Iterable[Sequence[Argument]]) -> list[Reply]:
        """The replies to commands that change nothing, on one state of the store."""
        with self._file.reading() as now:
            run = Transaction(now, self._by_field, self._clock.now())
            return [run(*command) for command in commands]

    def write(
        self, commands: Iterable[Sequence[Argument]], watched: Mapping[bytes, Reply] | None = None
    ) -> list[Reply] | None:
        """The replies to commands, all of which are carried out, or none.

        Args:
            watched: strings by key; None is the reply where one of them is another by now.
        """
        with self._file.writing() as now:
            run = Transaction(now, self._by_field, self._clock.now())
            if any(run("GET", key) != value for key, value in (watched or {}).items()):
                return None
            return [run(*command) for command in commands]

    def keys(self, table: str, after: bytes, limit: int) -> list[tuple[bytes, float | None]]:
        """Up to `limit` keys of a table of `TABLES`, in their order, with when they are over.

        Args:
            after: the key before them; b"" is none.
        """
        may_be_over = table in TABLES[:2]
        until = "max(until)" if may_be_over else "NULL"
        lives = "AND (until IS NULL OR until > ?)" if may_be_over else "AND ?"
        statement = f"SELECT key, {until} FROM {table} WHERE key > ? {lives} GROUP BY key LIMIT ?"
        found = self._file.rows(statement, (after, self._clock.now(), limit))
        return [(key, over) for key, over in found]

    def tidy(self) -> int:
        """Forget the keys that are over; how many."""
        over = (self._clock.now(),)
        with self._file.writing() as now:
            found = [
                now.execute(f"DELETE FROM {table} WHERE until <= ?", over).rowcount
                for table in TABLES[:2]
            ]
        return sum(found)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_store(path: Path, topic_prefix: str) -> EmbeddedStore:
    """The store of an installation: the hashes of the stream's state are kept field by field.

    Args:
        topic_prefix: of the installation (`Settings.topic_prefix`).
    """
    return EmbeddedStore(path, f"{topic_prefix}stream:")
