"""`millstream publish`: a file of events into Kafka, with progress, resumable."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from millstream import event_files, kafka
from millstream.errors import InvalidEvent
from millstream.event_files import Line
from millstream.events import Event
from millstream.publishing import Publisher, paced
from millstream.settings import settings

# Delivery is awaited, and progress remembered, after so many lines.
CHECKPOINT_LINES = 5_000


@click.command()
@click.argument("file", metavar="FILE|-", type=click.Path(exists=True, allow_dash=True))
@click.option("--format", "style", type=click.Choice(["jsonl", "csv"]), help="Else by the ending.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Events/s at the most.")
@click.option("--skip-invalid", is_flag=True, help="Report invalid lines and go on.")
@click.option("--restart", is_flag=True, help="From the beginning, whatever was published before.")
def publish(
    file: str, style: str | None, rate: float | None, skip_invalid: bool, restart: bool
) -> None:
    """Publish the events of FILE (JSON lines, or CSV with a header); - is standard input.

    A file that was interrupted goes on where it was; an event that is sent twice has no effect.

    \b
    Examples:
      millstream publish events.jsonl
      millstream publish clicks.csv --rate 1000
      zcat events.jsonl.gz | millstream publish -
    """
    is_csv = style == "csv" or (style is None and file.endswith(".csv"))
    source = _StandardInput() if file == "-" else _File(Path(file), restart)
    publisher = Publisher(kafka.producer(settings()), settings())
    sent = 0
    with _progress() as progress, source.open() as stream:
        task = progress.add_task(file, total=source.size)
        columns, read = _opened(stream, source.start, is_csv)
        for line, event in _events(paced(read, rate), columns, source.name, skip_invalid):
            publisher.send(event)
            sent += 1
            if line.number % CHECKPOINT_LINES == 0:
                publisher.flush()
                source.remember(line)
                progress.update(task, completed=line.next_byte)
        publisher.flush()
    source.finish()
    click.echo(f"{sent:,} events published.")


def _opened(
    stream: BinaryIO, start: event_files.Progress, is_csv: bool
) -> tuple[list[str] | None, Iterator[Line]]:
    """The columns of a CSV file, and the lines that are still to be published."""
    header = stream.readline() if is_csv else b""
    columns = event_files.csv_columns(header) if is_csv else None
    if start.next_byte:
        stream.seek(start.next_byte)
        return columns, event_files.lines(stream, start.next_byte, start.lines)
    return columns, event_files.lines(stream, len(header), int(is_csv))


class _StandardInput:
    """Cannot be resumed, and has no size."""

    name = f"stdin-{os.getpid()}-{time.time_ns()}"
    size = None
    start = event_files.Progress("")

    def open(self) -> BinaryIO:
        return sys.stdin.buffer

    def remember(self, line: Line) -> None:
        """Nothing to remember."""

    def finish(self) -> None:
        """Nothing to forget."""


class _File:
    """A file that goes on where it was left."""

    def __init__(self, path: Path, restart: bool) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.name = event_files.fingerprint(path)
        fresh = event_files.Progress(self.name)
        self.start = fresh if restart else event_files.Progress.load(path)

    def open(self) -> BinaryIO:
        return self.path.open("rb")

    def remember(self, line: Line) -> None:
        event_files.Progress(self.name, line.next_byte, line.number).save(self.path)

    def finish(self) -> None:
        event_files.Progress.path(self.path).unlink(missing_ok=True)


def _events(
    lines: Iterable[Line], columns: list[str] | None, source: str, skip_invalid: bool
) -> Iterator[tuple[Line, Event]]:
    for line in lines:
        try:
            yield line, event_files.event_of_line(line, columns, source, time.time())
        except InvalidEvent as error:
            if not skip_invalid:
                raise
            click.secho(f"skipped: {error}", fg="yellow", err=True)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
