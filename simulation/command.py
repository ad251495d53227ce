"""`millstream backtest`: from options to a report."""

import asyncio
import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from millstream import logs
from millstream.codec import encode
from millstream.settings import Settings, settings
from simulation import report
from simulation.backtest import Backtest
from simulation.baselines.baseline import BaselineRecommender
from simulation.baselines.catalogue import baselines
from simulation.cadence import Cadence
from simulation.checkpoint import Checkpoints
from simulation.outcome import LOOP, Outcome
from simulation.plan import BacktestPlan
from simulation.replay_options import ReplayOptions, plan_of
from simulation.segments import segment_values
from simulation.variants import Variant, variants


@dataclass(frozen=True)
class BacktestOptions:
    """Options of the command, beside those of its log."""

    log: ReplayOptions
    snapshot_every: Sequence[str]
    feature_delay: Sequence[str]
    batch_every: str
    chosen: Sequence[str]
    loop: bool
    compared: Sequence[str]
    segments: Sequence[str]
    resume: bool
    out: Path

    def rhythms(self) -> dict[str, Cadence]:
        """The rhythms to compare, by name; the first one is that of the report.

        Raises:
            ConfigurationError: a span cannot be read.
        """
        return {
            f"snapshots {every}, features {delay}": Cadence.of(self.batch_every, every, delay)
            for every in self.snapshot_every
            for delay in self.feature_delay
        }


def run(options: BacktestOptions) -> None:
    """Replay, judge, report."""
    logs.configure("WARNING", settings().log_style)
    first, *further = variants(settings(), options.compared, options.rhythms())
    plan = plan_of(options.log, first.cadence)
    for name in options.segments:  # a name that is none is told before the work
        segment_values(plan.log, name, ())
    others = baselines(options.chosen, len(plan.log.item_ids))
    begun = time.perf_counter()
    runs = [_Run(options, plan, first, 0)]
    outcome = runs[0].outcome(others)
    took_s = time.perf_counter() - begun
    for number, variant in enumerate(further if options.loop else (), 1):
        runs.append(_Run(options, replace(plan, cadence=variant.cadence), variant, number))
        again, name = runs[-1].outcome(()), f"{LOOP}, {variant.name}"
        outcome.variants[name] = again
        if LOOP in again.ranks:
            outcome.ranks[name] = again.ranks[LOOP]
    report.write(plan, outcome, took_s, options.out, options.segments)
    for each in runs:
        each.checkpoints.remove()


class _Run:
    """A run of one variant, kept under a folder of its own until all are reported."""

    def __init__(
        self, options: BacktestOptions, plan: BacktestPlan, variant: Variant, number: int
    ) -> None:
        self._options, self._plan, self._variant = options, plan, variant
        folder = options.out / f"unfinished-{number}"
        self.checkpoints = Checkpoints(folder, fingerprint(plan, variant.settings, options.chosen))

    def outcome(self, others: Sequence[BaselineRecommender]) -> Outcome:
        """The outcome of the whole log, with a progress bar."""
        goes_on = self.checkpoints.begin(self._options.resume)
        with _progress() as progress:
            task = progress.add_task(self._variant.name or "events", total=len(self._plan.log))
            backtest = Backtest(
                self._plan,
                self._variant.settings,
                self.checkpoints.work,
                others,
                lambda done: progress.update(task, completed=done),
                with_loop=self._options.loop,
                checkpoints=self.checkpoints,
            )
            return asyncio.run(backtest.run(goes_on))


def fingerprint(plan: BacktestPlan, own: Settings, chosen: Sequence[str]) -> str:
    """What makes a run the same: log, questions, rhythm, settings, seed."""
    asking = plan.cadence, plan.k, plan.seed, plan.recent_items, list(chosen)
    whole = hashlib.sha256(repr(asking).encode())
    whole.update(own.model_dump_json().encode())
    log = plan.log
    for column in (log.times, log.users, log.items, log.sessions, log.positive, plan.asked):
        whole.update(np.ascontiguousarray(column).tobytes())
    for ids in (log.user_ids, log.item_ids):
        whole.update("\0".join(ids).encode())
    for event in (*plan.upserts, *plan.impressions):
        whole.update(encode(event))
    return whole.hexdigest()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
