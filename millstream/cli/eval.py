"""`millstream eval`: models of the catalogue on a dataset, offline."""

from pathlib import Path
from typing import Any

import click

from millstream.cli.hushed import import_keras

# What an option is where it is not given; one pass over small batches asks for smaller steps.
DEFAULTS = {"batch_size": 4096, "learning_rate": 1e-2, "l2": 1e-3}
PROGRESSIVE = {"batch_size": 256, "learning_rate": 3e-3, "l2": 3e-4}


@click.command("eval")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--data", required=True, help="ml-100k[+history], libfm:TRAIN,TEST or SCHEMA.toml.")
@click.option(
    "--split",
    "kind",
    type=click.Choice(("given", "random", "time", "progressive")),
    help="What is scored: the dataset's own test, a random fifth, the newest fifth, or every row "
    "in time order before it is learnt. [given, else random]",
)
@click.option("--split-seed", default=0, show_default=True, help="Of a random split.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Runs of each model, seeds 0, 1, ...",
)
@click.option("--width", default=16, show_default=True, help="Values per embedding row.")
@click.option("--batch-size", type=int, help="Rows per step. [4096; 256 where progressive]")
@click.option("--epochs", default=50, show_default=True, help="At most.")
@click.option(
    "--patience", default=2, show_default=True, help="Epochs without a better validation AUC."
)
@click.option("--learning-rate", type=float, help="Of Adam. [0.01; 0.003 where progressive]")
@click.option(
    "--decay", default=0.1, show_default=True, help="Of the rate, where an epoch gains nothing."
)
@click.option(
    "--l2", type=float, help="Penalty on embedding rows. [0.001; 0.0003 where progressive]"
)
@click.option("--dropout", type=float, help="Of networks that have it.")
@click.option("--min-count", default=1, show_default=True, help="Rarer ids share one row.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the builder.")
@click.option("--k", default=10, show_default=True, help="Of NDCG, recall and MAP.")
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
    kind: str | None,
    split_seed: int,
    seeds: int,
    options: tuple[str, ...],
    k: int,
    out: Path,
    **training: Any,
) -> None:
    """Learn models from a dataset and measure them; MODEL is a name of the catalogue, or all.

    A run that is in the folder of results already is not repeated.

    \b
    Examples:
      millstream eval lr deepfm dcn_v2 --data ml-100k --seeds 3
      millstream eval deepfm --data ml-100k --split progressive
      millstream eval deepfm --data clicks.toml --option hidden=400,400 --dropout 0.2
    """
    import_keras()
    from models.evaluation import loaders, session, splits
    from models.evaluation.settings import Training

    dataset = loaders.load(data)
    split = kind or splits.default_split(dataset)
    defaults = PROGRESSIVE if split == "progressive" else DEFAULTS
    given = {name: value for name, value in training.items() if value is not None}
    runs = session.planned(
        models,
        dataset,
        split=split,
        split_seed=split_seed,
        seeds=seeds,
        training=Training(**defaults | given),
        options=options,
        k=k,
    )
    session.report(session.executed(runs, out), runs, out)
