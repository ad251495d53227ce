"""Several runs of lists: made where they are not made already, and tabled with their spread."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from millstream.errors import ConfigurationError
from models.catalogue import CATALOGUE, find
from models.evaluation.lists.protocols import Interactions
from models.evaluation.lists.runs import BASELINES, TRAINERS, ListRun, Training, execute, kind_of
from models.evaluation.options import parsed
from models.evaluation.report import Spread, summaries, write_csv
from models.evaluation.results import Result, Results

COSTS = {"epochs": "epochs", "train_s": "train s"}
# Options of each kind's learner that are a run's to choose, beside those of builders.
LEARNING: dict[str, dict[str, Any]] = {
    "autoencoder": {
        "loss": "multinomial",
        "confidence": 0.0,
        "num_sampling_users": None,
        "full": False,
    },
    "next item": {"loss": "", "width": 128, "length": 200, "negatives": None},
    "retrieval": {"width": 32, "length": 20, "negatives": 512},
    "matrix": {},
}


def planned(
    names: Sequence[str],
    data: str,
    log: Interactions,
    *,
    protocol: str,
    seeds: int,
    training: Training,
    options: Iterable[str],
    ks: Sequence[int],
) -> list[ListRun]:
    """A run for each model and each seed below `seeds`; what draws nothing has one.

    Args:
        names: of the catalogue or of `BASELINES`; `all` stands for every one of them that can be
            asked so.
        options: `name=value`, of builders and of `LEARNING`; a model that has no such option goes
            without.

    Raises:
        ConfigurationError: no such model, or no model has the option.
    """
    names = models_of(names, protocol)
    given = dict(_pair(text) for text in options)
    known = {name: _options(name) for name in names}
    learnt = {n: {} if n in BASELINES else LEARNING[kind_of(n)] for n in names}
    everywhere = {option for own in (*known.values(), *learnt.values()) for option in own}
    if unknown := sorted(set(given) - everywhere):
        raise ConfigurationError(
            f"`option` must be one of {sorted(everywhere)}. Received: {unknown[0]!r}."
        )
    runs = []
    for name in names:
        own = {n: parsed(v, known[name][n]) for n, v in given.items() if n in known[name]}
        there = learnt[name]
        learning = {n: parsed(v, there[n]) for n, v in given.items() if n in there}
        draws = bool(there) or "seed" in known[name]
        runs += [
            ListRun(name, data, log, protocol, seed, training, own, learning, tuple(ks))
            for seed in range(seeds if draws else 1)
        ]
    return runs


def models_of(names: Sequence[str], protocol: str) -> list[str]:
    """The models of these names, each once.

    Raises:
        ConfigurationError: there is no such model.
    """
    if "all" in names:
        learnt = [entry.name for entry in CATALOGUE if entry.task in TRAINERS or entry.loss]
        serves_strangers = [name for name in learnt if name != "minibatch_mf"]
        return [*BASELINES, *(serves_strangers if protocol == "strong" else learnt)]
    return [name if name in BASELINES else find(name).name for name in dict.fromkeys(names)]


def _options(name: str) -> dict[str, Any]:
    """The options of a model with their defaults."""
    return {} if name in BASELINES else find(name).defaults()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"`option` must be NAME=VALUE. Received: {text!r}.")
    return name, value


def executed(runs: Sequence[ListRun], folder: Path) -> list[Result]:
    """Every run's result: what is in the folder already, and the others made now."""
    kept = Results(folder)
    results = []
    for run in runs:
        found = kept.find(run.key)
        if found is None:
            found = execute(run)
            kept.add(found)
        results.append(found)
    return results


def report(results: Sequence[Result], runs: Sequence[ListRun], folder: Path) -> None:
    """Print the table; write the CSV files."""
    first = runs[0]
    shown = [f"ndcg@{max(first.ks)}", *(f"recall_capped@{k}" for k in first.ks[:3]), "mrr"]
    shown += [f"coverage@{first.ks[0]}", f"gini@{first.ks[0]}"]
    found = sorted(summaries(results), key=lambda s: -s.figures[shown[0]].mean)
    title = f"{first.data}, {len(first.log.users):,} rows; full corpus, {first.found.name}"
    table = Table("model", "runs", *shown, *COSTS.values(), title=title, title_justify="left")
    for each in found:
        figures = [each.figures.get(name) for name in shown]
        costs = [f"{each.figures[name].mean:.1f}" for name in COSTS]
        table.add_row(each.model, str(each.runs), *map(_told, figures), *costs)
    write_csv(results, found, folder)
    console = Console()
    console.print(table)
    console.print(f"In {folder}: summary.csv, runs.csv, runs.jsonl", highlight=False)


def _told(figure: Spread | None) -> str:
    return "–" if figure is None else str(figure)
