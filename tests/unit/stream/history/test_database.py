"""Tables of a database as a log: the same events as the file that has their rows."""

import sqlite3
from datetime import UTC, datetime

import click
import pytest
from sqlalchemy.dialects import mysql, postgresql

from features.topic_events import STRICT
from millstream.cli.log_options import source_of
from millstream.errors import ConfigurationError, DatasetError
from millstream.event_files.database import DatabaseTable
from stream.history.log_files import LogFile, LogTable
from stream.history.sources import FileEvents

START = 1_700_000_000
ROWS = [(f"u{n % 3}", f"i{n % 5}", "click", START + 100 - n) for n in range(20)]
ORDERS = "SELECT customer AS user_id, sku AS item_id, 'click' AS kind, at AS event_time FROM orders"


@pytest.fixture
def shop(tmp_path):
    """A database, newest orders first."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (customer TEXT, sku TEXT, what TEXT, at INTEGER)")
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", ROWS)
        database.execute("CREATE TABLE products (item_id TEXT, title TEXT, categories TEXT)")
        products = [(f"i{n}", f'"A", {n}\nb', "x|y") for n in range(5)]
        database.executemany("INSERT INTO products VALUES (?, ?, ?)", products)
    database.close()
    return f"sqlite:///{path}"


def events(*sources, **options):
    return [each.event for each in FileEvents(sources, STRICT, **options)]


def seen(found):
    return [(e.user_id, e.item_id, e.kind, e.event_time) for e in found]


def test_the_rows_of_a_select_are_events_in_the_order_of_their_times(shop):
    found = events(LogTable(shop, ORDERS))
    assert seen(found) == sorted(ROWS, key=lambda row: row[3])
    again = events(LogTable(shop, ORDERS + ";"))
    assert [e.event_id for e in again] == [e.event_id for e in found]
    assert len({e.event_id for e in found}) == len(ROWS)


def test_a_table_is_read_as_the_file_that_has_its_rows(shop, tmp_path):
    file = tmp_path / "orders.csv"
    ordered = sorted(ROWS, key=lambda row: (row[3], row[0], row[1]))
    lines = [",".join(map(str, row)) for row in ordered]
    file.write_text("\n".join(["customer,sku,what,at", *lines]) + "\n")
    renamed = {"customer": "user_id", "sku": "item_id", "what": "kind", "at": "event_time"}
    assert events(LogTable(shop, "orders"), renamed=renamed) == events(
        LogFile(file), renamed=renamed
    )


def test_items_come_with_their_titles_and_lists(shop):
    found = events(LogTable(shop, "products", "item"), LogTable(shop, ORDERS))
    items = {e.item_id: e for e in found if hasattr(e, "title")}
    assert items["i3"].title == '"A", 3\nb'
    assert list(items["i3"].categories) == ["x", "y"]


def test_what_grows_is_another_log(shop):
    table = LogTable(shop, "orders")
    before = table.stated()
    assert LogTable(shop, "orders").stated() == before
    with sqlite3.connect(shop.removeprefix("sqlite:///")) as database:
        database.execute("INSERT INTO orders VALUES ('u', 'i', 'click', 1)")
    database.close()
    assert table.stated() != before


def test_a_password_is_in_no_message_and_in_no_identity(shop):
    table = DatabaseTable("postgresql://ann:hunter2@h/shop", "orders")
    assert "hunter2" not in repr(table)
    with pytest.raises(ConfigurationError, match=r"driver of the database. Not there: psycopg"):
        table.identity()


def test_what_the_database_refuses_is_said(shop):
    with pytest.raises(DatasetError, match="missing: .*no such table: missing"):
        events(LogTable(shop, "missing"))
    with pytest.raises(DatasetError, match="cannot be read: no such table"):
        LogTable(shop, "missing").stated()
    with pytest.raises(ConfigurationError, match="as SQLAlchemy has it"):
        DatabaseTable("shop.db", "orders").identity()


def test_a_row_that_is_no_event_says_where_it_is(shop):
    query = ORDERS.replace("'click'", "'stare'")
    with pytest.raises(DatasetError, match=r"line 2: \$\.kind"):
        events(LogTable(shop, query))


def test_times_of_a_database_are_times(shop):
    at = datetime.fromtimestamp(START, UTC).replace(tzinfo=None).isoformat()
    query = f"SELECT 'u' AS user_id, 'i' AS item_id, 'click' AS kind, '{at}Z' AS event_time"
    assert [e.event_time for e in events(LogTable(shop, query))] == [START]


def chosen(*logs, **given):
    nothing = {"topics": False, "database": None, "items": (), "users": (), "renamed": ()}
    return source_of({**nothing, "constants": (), "skip_invalid": False, "logs": logs, **given})


def test_options_name_tables_where_there_is_a_database(shop):
    source = chosen(ORDERS, database=shop, items=("products",))
    assert source.files == [LogTable(shop, "products", "item"), LogTable(shop, ORDERS)]
    with pytest.raises(click.BadParameter, match="'orders' does not exist"):
        chosen("orders")


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (postgresql.dialect(), 'FROM sales."Orders" ORDER BY at, "User", kind'),
        (mysql.dialect(), "FROM sales.`Orders` ORDER BY at, `User`, kind"),
    ],
    ids=["PostgreSQL", "MySQL"],
)
def test_names_are_quoted_as_the_database_wants_them(dialect, expected):
    table = DatabaseTable("", "sales.Orders", {"at": "event_time"})
    statement = table._rows().order_by(*table._order(["User", "kind", "at"]))
    assert " ".join(str(statement.compile(dialect=dialect)).split()).endswith(expected)
