"""A study: trials of one search, kept in a file and gone on with, and the best of them.

Optuna's tree-structured Parzen estimator (Bergstra et al. 2011) proposes; a trial whose value lags
behind the median of the trials before it, at the same step, is pruned (Golovin et al. 2017, 3.2.3).
"""

import csv
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from millstream.errors import ConfigurationError
from models.tuning.space import Space, suggested

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.trial import FrozenTrial, Trial

# Told a step, from 0, and the value so far; raises where the trial is not worth going on with.
Told = Callable[[int, float], None]
# Called with the values of a trial and `Told`: the trial's value.
Objective = Callable[[Mapping[str, Any], Told], float]

FILE = "study.log"
STARTUP_TRIALS = 5


class Study:
    """Trials in a folder.

    Args:
        folder: of the study; made where it is not there.
        space: what varies.
        purpose: everything else that decides a trial's value. A folder holds one purpose.
        measure: name of the value, of which more is better.
        seed: of the proposals.

    Raises:
        ConfigurationError: Optuna is not installed, or the folder holds another search.
    """

    def __init__(
        self, folder: Path, space: Space, purpose: str, measure: str, seed: int = 0
    ) -> None:
        self.folder, self.space, self.measure = folder, space, measure
        optuna = imported()
        optuna.logging.set_verbosity(logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        backend = optuna.storages.journal.JournalFileBackend(str(folder / FILE))
        self._study = optuna.create_study(
            storage=optuna.storages.JournalStorage(backend),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
            study_name="search",
            direction="maximize",
            load_if_exists=True,
        )
        # A seed of its own after a restart: else the proposals of the first trials come again.
        done = len(self._study.trials)
        self._study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTUP_TRIALS, seed=seed + done
        )
        self._holds(f"{purpose}\n{sorted(space.items())!r}")

    def _holds(self, purpose: str) -> None:
        known = self._study.user_attrs.get("purpose")
        if known is None:
            self._study.set_user_attr("purpose", purpose)
        elif known != purpose:
            raise ConfigurationError(
                f"{self.folder} holds another search: choose another --out, or remove the folder."
            )

    def run(self, objective: Objective, trials: int, timeout_s: float | None = None) -> None:
        """Make trials until `trials` of them are finished, or the time is up.

        A trial that a crash cut short is not counted. Where the configuration of a trial cannot
        work, the trial counts as failed, and the next one is made.
        """
        optuna = imported()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}"),
        )
        console = Console(stderr=True)
        with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
            bar = progress.add_task("trials", total=trials, completed=self.finished)

            def value(trial: "Trial") -> float:
                def told(step: int, reached: float) -> None:
                    trial.report(reached, step)
                    if trial.should_prune():
                        raise optuna.TrialPruned()

                return objective(suggested(self.space, trial), told)

            def after(study: "OptunaStudy", trial: "FrozenTrial") -> None:
                del study
                line = f"trial {trial.number}: {self._told(trial)}"
                progress.console.print(line, highlight=False, markup=False)
                progress.update(bar, completed=self.finished, description=self._best_so_far())

            self._study.optimize(
                value,
                n_trials=max(0, trials - self.finished),
                timeout=timeout_s,
                callbacks=[after],
                catch=(ConfigurationError,),
                gc_after_trial=True,
            )

    @property
    def finished(self) -> int:
        """How many trials have ended: measured, pruned or failed."""
        return sum(trial.state.is_finished() for trial in self._study.trials)

    def best(self) -> tuple[dict[str, Any], float]:
        """The values of the best trial, and what it reached.

        Raises:
            ConfigurationError: no trial was measured.
        """
        try:
            trial = self._study.best_trial
        except ValueError as error:
            raise ConfigurationError("Expected one trial that works. See trials.csv.") from error
        fixed = imported().trial.FixedTrial(trial.params)
        return suggested(self.space, fixed), float(trial.value or 0.0)

    def write(self) -> None:
        """Write `trials.csv`: a row a trial, the best first."""
        rows = sorted(self._study.trials, key=lambda t: -_value(t))
        with (self.folder / "trials.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["trial", "state", self.measure, *self.space])
            for trial in rows:
                values = [trial.params.get(name, "") for name in self.space]
                writer.writerow([trial.number, trial.state.name.lower(), trial.value, *values])

    def _told(self, trial: "FrozenTrial") -> str:
        values = ", ".join(f"{name} {_short(value)}" for name, value in trial.params.items())
        reached = "" if trial.value is None else f" {self.measure} {trial.value:.4f}"
        return f"{trial.state.name.lower()}{reached} ({values})"

    def _best_so_far(self) -> str:
        measured = [t.value for t in self._study.trials if t.state.name == "COMPLETE" and t.value]
        return f"best {self.measure} {max(measured):.4f}" if measured else "trials"


def imported() -> Any:
    """Optuna.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigurationError(
            "A search needs Optuna: pip install 'millstream[tune]'."
        ) from error
    return optuna


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _value(trial: "FrozenTrial") -> float:
    return float("-inf") if trial.value is None else float(trial.value)
