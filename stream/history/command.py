"""`millstream backfill`: from options to a run over history, with a progress bar."""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from features.topic_events import door
from millstream.log_identity import logs_of
from millstream.settings import Settings
from stream.history.engine import DEFAULT_BUCKETS, Engine, OnProgress
from stream.history.log_files import LogSource
from stream.history.outcome import Outcome
from stream.history.sources import TABLES, TIMED, FileEvents, topic_records
from stream.ingest.records import EventRecord
from stream.state.memory import Rules


@dataclass(frozen=True)
class HistorySource:
    """The log that is read.

    Args:
        files: of events, or tables of a database; none are the topics of this installation, which
            are only read.
        renamed, constants: of the columns of tables, see `millstream.event_files.EventTable`.
        skips_invalid: leave out records of files that are no events.
    """

    files: Sequence[LogSource] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    skips_invalid: bool = False

    def name(self) -> str:
        """Identity of the log that is read."""
        if not self.files:
            return "topics"
        stated = [each.stated() for each in self.files]
        options = sorted(self.renamed.items()), sorted(self.constants.items()), self.skips_invalid
        return f"files {hashlib.sha256(repr((stated, options)).encode()).hexdigest()[:16]}"

    def logs(self, settings: Settings) -> dict[str, str]:
        """Which log the offsets of a topic are of.

        Raises:
            LogUnavailable: the topics are read, and no broker answers.
        """
        topics = (*TABLES, *TIMED)
        if self.files:
            return {topic.name: self.name().replace(" ", "-") for topic in topics}
        found = logs_of(settings, topics)
        return {topic.name: log.identity for topic, log in found.items() if log.identity}

    def records(self, settings: Settings) -> Iterable[EventRecord]:
        """The events in their order."""
        let_in = door(settings.max_event_bytes, settings.unknown_fields)
        if not self.files:
            return topic_records(settings, let_in, time.time())
        return FileEvents(
            self.files, let_in, dict(self.renamed), dict(self.constants), self.skips_invalid
        )


def run(
    settings: Settings,
    source: HistorySource,
    folder: Path,
    buckets: int = DEFAULT_BUCKETS,
    processes: int | None = None,
) -> Outcome:
    """Make state and feature rows of a log in `folder`, or finish what is there.

    Raises:
        ConfigurationError: the folder holds something else.
        DatasetError: a file cannot be read, or a record is no event.
        LogUnavailable: the topics are read, and no broker answers.
    """
    with progress() as on_progress:
        name = source.name()
        engine = engine_of(settings, source, folder, name, buckets, processes, on_progress)
        return engine.run(lambda: source.records(settings))


def engine_of(
    settings: Settings,
    source: HistorySource,
    folder: Path,
    name: str,
    buckets: int,
    processes: int | None,
    on_progress: OnProgress,
) -> Engine:
    """The engine of an installation.

    Args:
        name: of what it reads of the source.
        processes: at the same time; None is one a core.
    """
    logs, cores = source.logs(settings), processes or os.cpu_count() or 1
    return Engine(folder, Rules.of(settings), name, logs, buckets, cores, on_progress)


def summary(outcome: Outcome, took_s: float) -> Iterator[str]:
    """Lines that say what a run has made."""
    scanned = outcome.scanned
    users = sum(1 for _ in outcome.entities("user"))
    items = sum(1 for _ in outcome.entities("item"))
    yield f"{scanned.events:,} events, {users:,} users, {items:,} items, in {took_s:.1f} s"
    yield f"{scanned.repeated:,} repeated and {scanned.refused:,} refused events left out"
    yield f"feature rows: {outcome.work.offline}"


@contextmanager
def progress() -> Iterator[OnProgress]:
    """A bar for each pass."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, disable=not sys.stderr.isatty(), transient=True) as progress:
        tasks: dict[str, Callable[[int], None]] = {}

        def told(name: str, done: int, total: int) -> None:
            if name not in tasks:
                task = progress.add_task(name, total=total or None)
                tasks[name] = lambda count: progress.update(task, completed=count)
            tasks[name](done)

        yield told
