"""`millstream tune`: search for options, of a model on a dataset or of the loop on a log."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from millstream.cli.option_sets import option_set
from millstream.cli.quiet_import import import_keras_quietly
from millstream.cli.replay_options import replay_options, replay_options_of
from millstream.cli.training import dataset_options, training_of, training_options

_SEARCH = (
    click.option(
        "--search",
        "texts",
        multiple=True,
        required=True,
        metavar="NAME=VALUES",
        help="Option that varies: LOW..HIGH, LOW..HIGH:log or A|B|.... Repeat it.",
    ),
    click.option("--trials", type=click.IntRange(1), default=30, show_default=True, help="Trials."),
    click.option("--minutes", type=float, help="End the search after so many minutes."),
    click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("tune-run"),
        show_default=True,
        help="Folder of the trials; a search that is there already goes on.",
    ),
)


_searched = option_set(*_SEARCH)


@click.group()
def tune() -> None:
    """Search for options that are better, by trials that learn from each other.

    A trial that lags behind is pruned; a search that was ended goes on in its folder. The best
    trial is written as best.toml: settings that `millstream backtest --compare` takes, and every
    worker by MILLSTREAM_SETTINGS_FILE. Needs the extra `tune`.

    \b
    Examples:
      millstream tune model dcn_v2 --data ml-100k --search learning_rate=1e-3..1e-1:log
      millstream tune loop events.jsonl --search "ranker=lr|dcn_v2" --search batch_size=64..512:log
    """


@tune.command()
@click.argument("model")
@dataset_options
@click.option("--seed", default=0, show_default=True, help="Seed of every trial.")
@_searched
@training_options
def model(
    model: str,
    data: str,
    kind: str | None,
    seed: int,
    texts: tuple[str, ...],
    trials: int,
    minutes: float | None,
    out: Path,
    options: tuple[str, ...],
    **training: Any,
) -> None:
    """Search for options of MODEL on a dataset, by the AUC of its validation rows.

    Test rows are not looked at: `millstream eval` with the best options, which is printed, does.

    \b
    Examples:
      millstream tune model dcn_v2 --data ml-100k --split time --search l2=1e-6..1e-1:log
      millstream tune model deepfm --data ml-100k --search "hidden=64,64|400,400" --trials 10
    """
    import_keras_quietly()
    from models.catalogue import find
    from models.evaluation import loaders, splits
    from models.evaluation.options import options_of
    from models.tuning.offline import MEASURE, OfflineTrials
    from models.tuning.space import space_of
    from models.tuning.study import Study

    entry, dataset = find(model), loaders.load(data)
    split = kind or splits.default_split(dataset)
    given = options_of(options, [entry])[entry.name]
    what = OfflineTrials(entry, dataset, split, training_of(training, split), given, seed)
    study = Study(out, space_of(texts, what.known), what.purpose, MEASURE, seed)
    study.run(what.value, trials, _seconds(minutes))
    best, reached = study.best()
    command = " ".join(
        ["millstream eval", model, "--data", data, "--split", split, *what.flags(best)]
    )
    settings = {"ranker": model, "ranker_options": {**given, **what.builder_options(best)}}
    _written(study, out, settings if entry.learns_online else None, f"{MEASURE} {reached:.4f}")
    click.echo(f"Measure it on the test rows: {command}")


@tune.command()
@replay_options
@click.option(
    "--snapshot-every", default="5m", show_default=True, help="Span between two snapshots."
)
@click.option(
    "--batch-every", default="5s", show_default=True, help="Span between two batches of the stream."
)
@_searched
def loop(
    snapshot_every: str,
    batch_every: str,
    texts: tuple[str, ...],
    trials: int,
    minutes: float | None,
    out: Path,
    **options: Any,
) -> None:
    """Search for settings of the whole loop, by NDCG of its lists on the logs FILE....

    Every trial is a backtest of the same questions: search on the first part of a log, and compare
    on the rest with `millstream backtest`. Names are those of `millstream settings`, and
    `ranker_options.NAME` or `retriever_options.NAME`.

    \b
    Examples:
      millstream tune loop clicks.csv --to 24 --ask-from 12 --search batch_size=64..1024:log
      millstream tune loop events.jsonl --search "ranker_options.hidden=[64]|[256,128]"
    """
    log = replay_options_of(options)
    from millstream import logs
    from millstream.settings import settings
    from models.tuning.space import space_of
    from models.tuning.study import Study
    from simulation.cadence import Cadence
    from simulation.replay_options import plan_of
    from simulation.tuning import LoopTrials, known_settings, nested

    logs.configure("WARNING", settings().log_style)
    cadence = Cadence.of(batch_every, snapshot_every)
    what = LoopTrials(plan_of(log, cadence), settings(), out)
    models = [
        text.partition("=")[2] for text in texts if text.startswith(("ranker=", "retriever="))
    ]
    known = known_settings(settings(), [name for text in models for name in text.split("|")])
    study = Study(out, space_of(texts, known), what.purpose, what.measure, log.seed)
    study.run(what.value, trials, _seconds(minutes))
    best, reached = study.best()
    _written(study, out, nested(settings(), best), f"{what.measure} {reached:.4f}")


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else 60.0 * minutes


def _written(study: Any, out: Path, settings: Mapping[str, Any] | None, reached: str) -> None:
    """Write what was found, and say where it is."""
    study.write()
    click.echo(
        f"The best of {study.finished} trials reached {reached}. In {out}: trials.csv", nl=False
    )
    if settings is None:
        click.echo("; no settings: the online trainer does not take this model.")
        return
    (out / "best.toml").write_text(f"# {reached}\n{toml(settings)}")
    click.echo(", best.toml")


def toml(settings: Mapping[str, Any]) -> str:
    r"""Settings as TOML, one line each; what is empty is left out.

    >>> toml({"ranker": "lr", "ranker_options": {"hidden": (8, 4)}})
    'ranker = "lr"\nranker_options = {hidden = [8, 4]}\n'
    """
    given = {name: value for name, value in settings.items() if value not in (None, {})}
    return "".join(f"{name} = {_value(value)}\n" for name, value in given.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        given = {name: each for name, each in value.items() if each is not None}
        return "{" + ", ".join(f"{name} = {_value(each)}" for name, each in given.items()) + "}"
    return json.dumps(value)
