"""Options of commands that read a log of the past: files, tables or topics, on how many cores."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millstream.cli.option_sets import option_set
from millstream.cli.pairs import pairs

if TYPE_CHECKING:
    from stream.history.command import HistorySource
    from stream.history.log_files import Kind, LogSource

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_LOG = (
    click.argument("logs", nargs=-1, metavar="[LOG...]"),
    click.option("--topics", is_flag=True, help="Read the topics of this installation; read only."),
    click.option(
        "--database",
        metavar="URL",
        help="Database whose tables, or SELECTs, LOG, --items and --users name, as SQLAlchemy has "
        "it: sqlite:///shop.db, postgresql://user@host/name, mysql+pymysql://user@host/name.",
    ),
    click.option("--items", multiple=True, help="A CSV or Parquet file of items."),
    click.option("--users", multiple=True, help="A CSV or Parquet file of users."),
    click.option(
        "--map",
        "renamed",
        multiple=True,
        metavar="NAME=OURS",
        help="Column NAME of tables read as our column OURS; left out where OURS is empty.",
    ),
    click.option(
        "--set",
        "constants",
        multiple=True,
        metavar="OURS=VALUE",
        help="Value of a column for all rows of tables.",
    ),
    click.option("--skip-invalid", is_flag=True, help="Leave records out that are no events."),
)
_WORK = (
    click.option(
        "--buckets",
        type=click.IntRange(1, 4_096),
        default=64,
        show_default=True,
        help="Parts that users, and items, are divided into; more take less memory.",
    ),
    click.option(
        "--processes",
        type=click.IntRange(min=1),
        help="Buckets that are worked on at the same time; the default is one a core.",
    ),
)


LOG_OPTIONS = option_set(*_LOG)
WORK_OPTIONS = option_set(*_WORK)


def source_of(options: Mapping[str, Any]) -> "HistorySource":
    """The log that `LOG_OPTIONS` name.

    Raises:
        UsageError: neither files nor the topics, or both; a file is not there.
    """
    if bool(options["logs"]) == options["topics"]:
        raise click.UsageError("Expected either LOG... or --topics.")
    from stream.history.command import HistorySource
    from stream.history.log_files import LogFile, LogTable

    database = None if options["topics"] else options["database"]

    def opened(name: str, kind: "Kind" = "interaction") -> "LogSource":
        if database:
            return LogTable(database, name, kind)
        _FILE.convert(name, None, None)  # says so where it is not there
        return LogFile(Path(name), kind)

    return HistorySource(
        [
            *(opened(name, "item") for name in options["items"]),
            *(opened(name, "user") for name in options["users"]),
            *(opened(name) for name in options["logs"]),
        ],
        pairs("--map", options["renamed"]),
        pairs("--set", options["constants"]),
        options["skip_invalid"],
    )
