"""`millstream backtest`: from options to a report."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from millstream import logs
from millstream.errors import ConfigurationError
from millstream.settings import settings
from simulation import report
from simulation.asking import Ask, questions
from simulation.backtest import Backtest, BacktestPlan
from simulation.baselines.baseline import BaselineRecommender
from simulation.baselines.catalogue import baselines
from simulation.cadence import Cadence, seconds, snapshot_seconds
from simulation.log import compact, first_seen, hour_of, hours, sessions_of, without_repeats
from simulation.outcome import LOOP, Outcome
from simulation.reading import FIELDS, read


@dataclass(frozen=True)
class BacktestOptions:
    """The options of the command; hours are of the log, whose hour 0 is that of its first event."""

    files: Sequence[Path]
    columns: Sequence[str]
    first: float | None
    end: float | None
    ask_from: float | None
    sessions_of: int
    keep_repeats: bool
    new_items: str
    ask: Ask
    k: int
    snapshot_every: Sequence[str]
    feature_delay: Sequence[str]
    batch_every: str
    chosen: Sequence[str]
    loop: bool
    seed: int
    out: Path

    @property
    def names(self) -> Mapping[str, str]:
        """Columns by field.

        Raises:
            ConfigurationError: one is not FIELD=NAME.
        """
        pairs = [column.partition("=") for column in self.columns]
        for field, _, name in pairs:
            if field not in FIELDS or not name:
                raise ConfigurationError(
                    f"Expected --column FIELD=NAME, FIELD one of {', '.join(FIELDS)}. "
                    f"Received: {field!r} and {name!r}."
                )
        return {field: name for field, _, name in pairs}

    def rhythms(self) -> dict[str, Cadence]:
        """The rhythms to compare, by name; the first one is that of the report.

        Raises:
            ConfigurationError: a span cannot be read.
        """
        try:
            batch_s = seconds(self.batch_every)
            return {
                f"{LOOP}, snapshots {every}, features {delay}": Cadence(
                    batch_s, snapshot_seconds(every), seconds(delay)
                )
                for every in self.snapshot_every
                for delay in self.feature_delay
            }
        except ValueError as error:
            raise ConfigurationError(str(error)) from error


def run(options: BacktestOptions) -> None:
    """Replay, judge, report."""
    logs.configure("WARNING", settings().log_style)
    (_, first), *further = options.rhythms().items()
    plan = plan_of(options, first)
    others = baselines(options.chosen, len(plan.log.item_ids))
    begun = time.perf_counter()
    outcome = replayed(plan, options.loop, others)
    took_s = time.perf_counter() - begun
    for name, cadence in further if options.loop else ():
        again = replayed(replace(plan, cadence=cadence), True, (), name)
        outcome.ranks[name] = again.ranks.get(LOOP, [])
    report.write(plan, outcome, took_s, options.out)


def plan_of(options: BacktestOptions, cadence: Cadence) -> BacktestPlan:
    """The log that is replayed, and its questions."""
    whole = read(options.files, options.names)
    start = hours(whole, options.first, options.end)
    log = start if options.keep_repeats else without_repeats(start)
    log = compact(sessions_of(log, options.sessions_of))
    hour = hour_of(log, origin_s=whole.times[0]) if len(log) else np.zeros(0)
    asked = questions(log, options.ask) & (hour >= (options.ask_from or 0.0))
    upserts = [*log.upserts, *(first_seen(log) if options.new_items == "first-click" else ())]
    return BacktestPlan(log, hour, asked, upserts, cadence, options.k, options.seed)


def replayed(
    plan: BacktestPlan, with_loop: bool, others: Sequence[BaselineRecommender], name: str = "events"
) -> Outcome:
    """The outcome of the whole log, with a progress bar called `name`."""
    with tempfile.TemporaryDirectory() as folder, _progress() as progress:
        task = progress.add_task(name, total=len(plan.log))
        backtest = Backtest(
            plan,
            settings(),
            Path(folder),
            others,
            lambda done: progress.update(task, completed=done),
            with_loop=with_loop,
        )
        return asyncio.run(backtest.run())


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
