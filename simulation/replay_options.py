"""From the options of a replayed log to the plan of its replay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from millstream.errors import ConfigurationError
from millstream.settings import settings
from simulation.asking import Ask, questions, spread
from simulation.cadence import Cadence
from simulation.impressions import earned
from simulation.log import (
    compact,
    first_seen,
    hour_of,
    hours,
    sessions_of,
    with_catalogue,
    without_repeats,
)
from simulation.plan import BacktestPlan
from simulation.reading import FIELDS, GROUPS, read
from simulation.topic_log import read_topics


@dataclass(frozen=True)
class ReplayOptions:
    """Options of a log and of its questions; hours are of the log, from its first event."""

    files: Sequence[Path]
    topics: bool
    columns: Sequence[str]
    first: float | None
    end: float | None
    ask_from: float | None
    most_questions: int | None
    sessions_of: int
    keep_repeats: bool
    new_items: str
    ask: Ask
    recent_items: int
    k: int
    seed: int

    @property
    def names(self) -> Mapping[str, str]:
        """Columns by field.

        Raises:
            ConfigurationError: one is not FIELD=NAME.
        """
        pairs = [column.partition("=") for column in self.columns]
        for field, _, name in pairs:
            if not name or (field not in FIELDS and not field.startswith(GROUPS)):
                raise ConfigurationError(
                    f"Expected --column FIELD=NAME, FIELD one of {', '.join(FIELDS)}, or "
                    f"context.NAME, user.NAME or item.NAME. Received: {field!r} and {name!r}."
                )
        return {field: name for field, _, name in pairs}


def plan_of(options: ReplayOptions, cadence: Cadence) -> BacktestPlan:
    """The log that is replayed, and its questions."""
    whole = read_topics(settings()) if options.topics else read(options.files, options.names)
    start = hours(whole, options.first, options.end)
    log = start if options.keep_repeats else without_repeats(start)
    log = with_catalogue(compact(sessions_of(log, options.sessions_of)))
    hour = hour_of(log, origin_s=whole.times[0]) if len(log) else np.zeros(0)
    asked = questions(log, options.ask) & (hour >= (options.ask_from or 0.0))
    asked = spread(asked, options.most_questions)
    upserts = [*log.upserts, *(first_seen(log) if options.new_items == "first-click" else ())]
    shown = log.impressions if options.ask == "impression" else ()
    return BacktestPlan(
        log,
        hour,
        asked,
        upserts,
        cadence,
        options.k,
        options.seed,
        shown,
        earned(whole),
        options.recent_items,
    )
