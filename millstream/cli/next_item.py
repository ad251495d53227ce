"""`millstream next-item`: models of sequences on a file of interactions, offline."""

from pathlib import Path
from typing import Any

import click

from millstream.cli.quiet_import import import_keras_quietly


@click.command("next-item")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Text file, a line an interaction.",
)
@click.option(
    "--columns",
    default="user,item",
    show_default=True,
    help="Columns of the file: user, item and perhaps time (seconds); others are passed over.",
)
@click.option("--separator", help="Text between columns. [default: white space]")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Runs of each model, with seeds 0, 1, ...",
)
@click.option("--loss", default="", help="Loss. [default: the model's own]")
@click.option("--negatives", type=click.IntRange(min=1), help="Negatives per entry.")
@click.option("--calibration", default=0.75, show_default=True, help="Calibration t of gBCE.")
@click.option("--width", default=128, show_default=True, help="Numbers per embedding row.")
@click.option("--length", default=200, show_default=True, help="Entries per history.")
@click.option("--batch-size", default=128, show_default=True, help="Users per step.")
@click.option("--epochs", default=1000, show_default=True, help="Maximum passes over the users.")
@click.option(
    "--patience",
    default=20,
    show_default=True,
    help="Epochs without a better validation NDCG@10 before training stops.",
)
@click.option("--validate-every", default=1, show_default=True, help="Epochs per validation.")
@click.option("--hidden-share", default=0.2, show_default=True, help="Entries hidden (bert4rec).")
@click.option(
    "--newest-share",
    default=0.1,
    show_default=True,
    help="Users of whose entries the newest alone is hidden (bert4rec).",
)
@click.option(
    "--shown-share",
    default=0.0,
    show_default=True,
    help="Hidden entries that are shown as another item, and as many as themselves; 0.1 is BERT's "
    "pre-training (bert4rec).",
)
@click.option(
    "--begin",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The epoch.npz of a run of the same model on the same data: begin with its best weights.",
)
@click.option("--learning-rate", default=1e-3, show_default=True, help="Learning rate of Adam.")
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the builders."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("next-item-run"),
    show_default=True,
    help="Folder of results and of the newest epoch of each run.",
)
def next_item(
    models: tuple[str, ...],
    data: Path,
    columns: str,
    separator: str | None,
    seeds: int,
    loss: str,
    options: tuple[str, ...],
    begin: Path | None,
    out: Path,
    **training: Any,
) -> None:
    """Train models of sequences and rank the whole corpus; MODEL is a name of the catalogue.

    The last item of each user is the test, the last but one validates. A run that was cut short
    goes on after its newest epoch; one that is finished is not repeated.

    \b
    Examples:
      millstream next-item sasrec gsasrec --data ml-1m.txt --option dropout=0.5
      millstream next-item hstu --data ratings.dat --separator :: --columns user,item,-,time
    """
    import_keras_quietly()
    from models.sequences import reading, session

    runs = session.planned(
        models,
        reading.read_log(data, columns.split(","), separator),
        seeds=seeds,
        loss=loss,
        options=options,
        training=training,
        begin=begin,
    )
    session.report(session.executed(runs, out), out)
