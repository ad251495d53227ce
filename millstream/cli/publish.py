"""`millstream publish`: a file of events into Kafka, checked, with progress, resumable."""

import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from millstream import event_files, kafka
from millstream.cli.pairs import pairs
from millstream.errors import InvalidEvent, LogUnavailable
from millstream.event_files import EventFile, FileRecord, RegularFile
from millstream.events import AnyEvent, Event
from millstream.publishing import EventPublisher, paced
from millstream.settings import settings

# Delivery is awaited, and progress remembered, after so many records or seconds.
CHECKPOINT_RECORDS = 2_000
CHECKPOINT_S = 0.5
_ENDINGS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: what is sent is delivered and remembered before the end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = _ENDINGS[signal.Signals(number)]


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option(
    "--format",
    "style",
    type=click.Choice(["jsonl", "csv"]),
    help="Format of FILE; the default goes by its ending, and is jsonl for standard input.",
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(["interaction", "item", "user"]),
    default="interaction",
    show_default=True,
    help="Type of the events of a CSV or Parquet file; JSON lines name their own.",
)
@click.option(
    "--map",
    "renamed",
    multiple=True,
    metavar="NAME=OURS",
    help="CSV column NAME read as our column OURS; left out where OURS is empty.",
)
@click.option(
    "--set",
    "constants",
    multiple=True,
    metavar="OURS=VALUE",
    help="Value of a column for all rows.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Maximum events per second; the default is as fast as Kafka takes them.",
)
@click.option("--skip-invalid", is_flag=True, help="Leave invalid records out and count them.")
@click.option("--restart", is_flag=True, help="Start from the beginning, whatever was published.")
def publish(
    file: str,
    style: str | None,
    kind: str,
    renamed: tuple[str, ...],
    constants: tuple[str, ...],
    rate: float | None,
    skip_invalid: bool,
    restart: bool,
) -> None:
    """Publish the events of FILE: JSON lines, CSV with a header, or Parquet; - is standard input.

    FILE may be compressed with gzip or Zstandard. Parquet is read as CSV with the same columns is.
    A regular file is checked whole before anything is sent: an invalid record ends the command with
    its line number, and nothing is published. With --skip-invalid, and from standard input, records
    are checked as they are sent.

    CSV columns are the fields of the event, such as user_id, item_id, kind, value and event_time,
    and context.NAME (attributes.NAME for items and users). Categories are separated by |. A column
    that is not known is refused. An event without event_time happened now.

    An event without event_id gets an id made of the file's first record, the event's place and its
    content: equal lines of one file are distinct events, and publishing the same content again, or
    a file that has grown, repeats the ids. The stream ignores an id that it has seen within
    MILLSTREAM_DEDUPE_WINDOW_S; after that time a repeated event counts again.

    A run that was interrupted by Ctrl-C or SIGTERM goes on after the last record that it sent; one
    that was killed repeats at most half a second's records, with the same ids. What is remembered
    is kept beside FILE until all of it is published.

    \b
    Examples:
      millstream publish events.jsonl
      millstream publish clicks.csv.gz --rate 1000
      millstream publish ratings.csv --set kind=rating --map stars=value --map timestamp=event_time
      millstream publish films.csv --type item
    """
    source = event_files.source_of(file)
    is_csv = style == "csv" or (style is None and source.is_csv)
    events = EventFile(source, is_csv, kind, pairs("--map", renamed), pairs("--set", constants))
    run = _Run(events, skip_invalid)
    start = (
        event_files.PublishProgress.load(source.path) if isinstance(source, RegularFile) else None
    )
    start = None if restart else start
    try:
        with _interruptible():
            if source.can_resume and not skip_invalid:
                for _ in run.checked(events.records(start), "Checking"):
                    pass
            run.publish(EventPublisher(kafka.producer(settings()), settings()), start, rate)
    except Interrupted as interrupted:
        run.say_how_to_go_on()
        sys.exit(interrupted.exit_code)


class _Run:
    """One run of the command: what is checked, sent, delivered and remembered."""

    def __init__(self, events: EventFile, skip_invalid: bool) -> None:
        self._events, self._skips = events, skip_invalid
        self._sent, self._skipped = 0, 0
        self._last: FileRecord | None = None
        self._is_remembered, self._can_remember = True, True

    def publish(
        self,
        publisher: EventPublisher,
        start: event_files.PublishProgress | None,
        rate: float | None,
    ) -> None:
        """Send what is left of the file, and say how much it was."""
        try:
            self._send(publisher, start, rate)
        except BaseException:
            # Whatever ended it: what is delivered is not sent again.
            with suppress(LogUnavailable):
                self._checkpoint(publisher)
            raise
        if isinstance(self._events.source, RegularFile):
            event_files.PublishProgress.forget(self._events.source.path)
        click.echo(f"{self._sent:,} events published.")
        if self._skipped:
            click.secho(f"{self._skipped:,} records skipped.", fg="yellow", err=True)

    def checked(
        self, records: Iterable[FileRecord], title: str
    ) -> Iterator[tuple[FileRecord, Event]]:
        """Each record with its event; invalid ones end the run or are counted."""
        event_of = _door()
        with _progress() as progress:
            task = progress.add_task(title, total=self._events.source.size)
            for record in records:
                try:
                    yield record, self._events.event(record, time.time(), event_of)
                except InvalidEvent as error:
                    if not self._skips:
                        raise
                    self._skipped += 1
                    click.secho(f"skipped: {error}", fg="yellow", err=True)
                if record.ordinal % CHECKPOINT_RECORDS == 0:
                    progress.update(task, completed=record.next_byte)

    def say_how_to_go_on(self) -> None:
        """Tell what an interrupted run has done, and how to finish it."""
        where = f" after line {self._last.last_line:,}" if self._last else ""
        if not self._events.source.can_resume:
            hint = f"It ended{where}; standard input cannot be resumed"
        elif self._is_remembered and self._can_remember:
            hint = f"Run the same command again: it goes on{where}"
        else:
            hint = "Run the same command again: it repeats what is not known to be delivered"
        click.secho(f"Interrupted: {self._sent:,} events published. {hint}.", fg="yellow", err=True)

    def _send(
        self,
        publisher: EventPublisher,
        start: event_files.PublishProgress | None,
        rate: float | None,
    ) -> None:
        records, at_s = self._events.records(start), time.monotonic()
        for record, event in self.checked(paced(records, rate), "Publishing"):
            if self._sent == 0 and self._events.resumed and start is not None:
                click.echo(f"Going on after line {start.line:,}.", err=True)
            publisher.send(event)
            self._last, self._is_remembered = record, False
            self._sent += 1
            if self._sent % CHECKPOINT_RECORDS == 0 or time.monotonic() - at_s >= CHECKPOINT_S:
                self._checkpoint(publisher)
                at_s = time.monotonic()
        publisher.flush()

    def _checkpoint(self, publisher: EventPublisher) -> None:
        """Wait until all that was sent is delivered, and remember it."""
        source, last = self._events.source, self._last
        if last is None or self._is_remembered:
            return
        publisher.flush()
        self._is_remembered = True
        if isinstance(source, RegularFile) and self._can_remember:
            try:
                event_files.PublishProgress.after(self._events.seed, last).save(source.path)
            except OSError as error:
                self._can_remember = False
                click.secho(f"Progress is not remembered: {error}", fg="yellow", err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise `Interrupted` inside the block."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def _door() -> event_files.EventOf:
    """Decoder of events from values, by the installation's settings."""
    from features.topic_events import door
    from features.validation import event_of

    def warn(paths: list[str]) -> None:
        click.secho(f"left out, nothing takes it: {', '.join(paths)}", fg="yellow", err=True)

    chosen = door(settings().max_event_bytes, settings().unknown_fields, warn)
    return lambda value, now_s: event_of(
        value, AnyEvent, now_s, chosen.max_event_bytes, chosen.on_unknown
    )
