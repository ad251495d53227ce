"""`millstream eval`: models of the catalogue on a dataset, offline."""

from pathlib import Path
from typing import Any

import click

from millstream.cli.quiet_import import import_keras_quietly
from millstream.cli.training import training_of, training_options
from millstream.errors import ConfigurationError


@click.command("eval")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--data",
    required=True,
    help="Dataset: ml-100k[+history], libfm:TRAIN,TEST or SCHEMA.toml; with --protocol ml-100k, or "
    "a file of `user item [time]` lines.",
)
@click.option(
    "--protocol",
    type=click.Choice(("leave-one-out", "strong", "time", "random")),
    help="Ask for lists of the whole corpus, in place of --split: each user's last item, the "
    "other items of people who were never learnt from, what people did after a moment, or random "
    "rows.",
)
@click.option(
    "--split",
    "kind",
    type=click.Choice(("given", "random", "time", "progressive")),
    help="Rows that are scored: the dataset's own test rows, a random fifth, the newest fifth, or "
    "every row in time order before it is learnt. [default: given where there are test rows, else "
    "random]",
)
@click.option("--split-seed", default=0, show_default=True, help="Seed of a random split.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Runs of each model, with seeds 0, 1, ...",
)
@training_options
@click.option(
    "--k", default=10, show_default=True, help="Length of the lists for NDCG, recall and MAP."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("eval-run"),
    show_default=True,
    help="Folder of results, tables and the plot.",
)
def evaluate(
    models: tuple[str, ...],
    data: str,
    protocol: str | None,
    kind: str | None,
    split_seed: int,
    seeds: int,
    options: tuple[str, ...],
    k: int,
    out: Path,
    **training: Any,
) -> None:
    """Train models on a dataset and measure them; MODEL is a name of the catalogue, or all.

    A run whose results are in the folder already is not repeated.

    \b
    Examples:
      millstream eval lr deepfm dcn_v2 --data ml-100k --seeds 3
      millstream eval deepfm --data ml-100k --split progressive
      millstream eval deepfm --data clicks.toml --option hidden=400,400 --dropout 0.2
      millstream eval ease mult_vae --data ml-100k --protocol strong --seeds 3
    """
    import_keras_quietly()
    if protocol is not None:
        if kind is not None:
            raise ConfigurationError(
                f"`split` must not be given with `protocol`. Received: {kind!r}."
            )
        _by_lists(models, data, protocol, seeds, options, k, out, training)
        return
    from models.evaluation import loaders, session, splits

    dataset = loaders.load(data)
    split = kind or splits.default_split(dataset)
    runs = session.planned(
        models,
        dataset,
        split=split,
        split_seed=split_seed,
        seeds=seeds,
        training=training_of(training, split),
        options=options,
        k=k,
    )
    session.report(session.executed(runs, out), runs, out)


def _by_lists(
    models: tuple[str, ...],
    data: str,
    protocol: str,
    seeds: int,
    options: tuple[str, ...],
    k: int,
    out: Path,
    training: dict[str, Any],
) -> None:
    """Learn from lists and ask for lists."""
    from models.evaluation.lists import interactions, session
    from models.evaluation.lists.runs import Training

    known = ("epochs", "patience", "batch_size", "learning_rate")
    given = {name: training[name] for name in known if training.get(name) is not None}
    if training.get("dropout") is not None:
        options = (*options, f"dropout={training['dropout']}")
    runs = session.planned(
        models,
        data,
        interactions.load(data),
        protocol=protocol,
        seeds=seeds,
        training=Training(**given),
        options=options,
        ks=sorted({k, 20, 50, 100}),
    )
    session.report(session.executed(runs, out), runs, out)
