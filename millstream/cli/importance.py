"""`millstream importance`: which fields a model depends on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millstream.cli.quiet_import import import_keras_quietly
from millstream.cli.training import dataset_options, training_of, training_options

if TYPE_CHECKING:
    from models.evaluation.explain import Explained


@click.command()
@click.argument("model")
@dataset_options
@click.option(
    "--seed", default=0, show_default=True, help="Seed of first weights and permutations."
)
@click.option("--repeats", default=3, show_default=True, help="Permutations per field.")
@training_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("importance"),
    show_default=True,
    help="Folder of the table and the picture.",
)
def importance(
    model: str,
    data: str,
    kind: str | None,
    seed: int,
    repeats: int,
    options: tuple[str, ...],
    out: Path,
    **training: Any,
) -> None:
    """Train MODEL on a dataset and show which fields it depends on.

    For every field: the AUC that is lost when its values are permuted among the rows. For a DCN-V2
    also a picture: how strongly its cross layers weigh each pair of fields.

    \b
    Example:
      millstream importance dcn_v2 --data ml-100k
    """
    import_keras_quietly()
    from models.catalogue import find
    from models.evaluation import explain, loaders, splits
    from models.evaluation.options import options_of
    from models.evaluation.runs import EvaluationRun

    entry, dataset = find(model), loaders.load(data)
    split = kind or splits.default_split(dataset)
    run = EvaluationRun(
        entry,
        dataset,
        split,
        seed,
        training=training_of(training, split),
        options=options_of(options, [entry])[entry.name],
    )
    with click.progressbar(length=1000, label=f"Training {model}") as bar:
        found = explain.explained(
            run, repeats, lambda share, _: bar.update(int(1000 * share) - bar.pos)
        )
    _print(found)
    click.echo(f"In {out}: {', '.join(explain.write(found, out))}")


def _print(found: "Explained") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("field", "AUC lost without it", title=f"AUC {found.auc:.4f}")
    for name, drop in found.drops.items():
        table.add_row(name, f"{drop.mean:.4f} ± {drop.spread:.4f}")
    Console().print(table)
