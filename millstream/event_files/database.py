"""Tables of a database as input: SQLite, PostgreSQL, MySQL, and what else SQLAlchemy speaks to.

A table, or the outcome of a SELECT, is read as the CSV file that has its columns and rows. Rows are
ordered by the time of the event, and then by all columns, so that they come in one order however
often they are read.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any

from millstream.errors import ConfigurationError, DatasetError
from millstream.event_files import as_csv

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Select

_ROWS = 10_000


@dataclass(frozen=True)
class DatabaseTable:
    """A table, or the outcome of a SELECT.

    Args:
        url: of the database, as SQLAlchemy has it: `postgresql://user:password@host/name`.
        query: the name of a table, `name` or `schema.name`, or a SELECT.
        renamed: our name of a column by the table's; tells which one is `event_time`.
    """

    url: str = field(repr=False)
    query: str
    renamed: Mapping[str, str] = field(default_factory=dict)

    can_resume = True
    is_csv = True
    codec = None
    size = None

    def open(self, at_byte: int = 0) -> AbstractContextManager[BufferedIOBase]:
        """The rows as CSV, from `at_byte` of that on.

        Raises:
            OSError: the database does not answer, or refuses; while the bytes are read.
        """
        return as_csv.opened(self._csv(), at_byte)

    def identity(self) -> str:
        """Identity of what is read: the query, and how many rows there are.

        Raises:
            ConfigurationError: SQLAlchemy, or the driver of the database, is not installed.
            DatasetError: the database does not answer, or refuses.
        """
        from sqlalchemy import func, make_url, select

        with self._connected() as connection, _as_dataset_error():
            rows = self._rows().subquery("millstream_rows")
            count = connection.execute(select(func.count()).select_from(rows)).scalar_one()
        return f"{make_url(self.url).render_as_string()} {self.query} {count}"

    def _csv(self) -> Iterator[bytes]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._connected() as connection:
                names = list(connection.execute(self._rows().limit(0)).keys())
                yield as_csv.lines([names])
                found = connection.execution_options(yield_per=_ROWS).execute(
                    self._rows().order_by(*self._order(names))
                )
                for rows in found.partitions():
                    yield as_csv.lines([tuple(row) for row in rows])
        except SQLAlchemyError as error:
            raise OSError(_reason(error)) from error

    def _rows(self) -> "Select[Any]":
        from sqlalchemy import select, table, text

        if len(self.query.split()) > 1:
            rows = text(f"({self.query.strip().rstrip(';')}) AS millstream_query")
            return select(text("*")).select_from(rows)
        schema, _, name = self.query.strip().rpartition(".")
        return select(text("*")).select_from(table(name, schema=schema or None))

    def _order(self, names: list[str]) -> list[Any]:
        """The column of the event's time, then all others."""
        from sqlalchemy import column

        times = [name for name in names if self.renamed.get(name, name) == "event_time"]
        return [column(name) for name in (*times, *(n for n in names if n not in times))]

    @contextmanager
    def _connected(self) -> "Iterator[Connection]":
        engine = _engine(self.url)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()


def _engine(url: str) -> "Engine":
    try:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError

        try:
            return create_engine(url)
        except ArgumentError as error:
            raise ConfigurationError(
                "A database must be named as SQLAlchemy has it, such as sqlite:///shop.db or"
                f" postgresql://user@host/name. {error}"
            ) from error
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "Reading a database needs SQLAlchemy (pip install 'millstream[sql]') and the driver of"
            f" the database. Not there: {error.name}."
        ) from error


@contextmanager
def _as_dataset_error() -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        raise DatasetError(f"The database cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Message of the database, on one line, without the statement."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
