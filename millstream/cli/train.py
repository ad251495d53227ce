"""`millstream train`: the online trainer."""

from typing import TYPE_CHECKING

import click

from millstream.cli.quiet_import import import_keras_quietly
from millstream.errors import ConfigurationError
from millstream.settings import settings

if TYPE_CHECKING:
    from models.entry import Entry


@click.command()
@click.option(
    "--model",
    "ranker",
    help="Ranking model, by its name in the catalogue. [default: MILLSTREAM_RANKER]",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the model's builder; `millstream models NAME` lists them.",
)
@click.option(
    "--frozen-baseline",
    is_flag=True,
    help="Keep a copy of the ranker as of its first snapshot, and export how both compare.",
)
def train(ranker: str | None, options: tuple[str, ...], frozen_baseline: bool) -> None:
    """Run the online trainer.

    It resumes from the newest sound snapshot, reads the topic `examples`, scores each example and
    then learns from it, and publishes a snapshot every few seconds. SIGTERM or Ctrl-C ends it after
    a last snapshot.

    \b
    Examples:
      millstream train
      millstream train --model final_mlp --option hidden=[64,32]
      MILLSTREAM_SNAPSHOT_INTERVAL_S=2 millstream train
    """
    chosen = settings()
    entry = _ranker(ranker or chosen.ranker)
    import_keras_quietly()
    from models.evaluation.options import options_of
    from online_trainer.main import main

    if ranker or options:
        given = {"ranker": entry.name, "ranker_options": options_of(options, [entry])[entry.name]}
        chosen = chosen.model_copy(update=given)
    main(chosen, frozen_baseline=frozen_baseline)


def _ranker(name: str) -> "Entry":
    """The entry of a model that can be trained; says what is wrong with another one at once."""
    from models.catalogue import CATALOGUE, find

    entry = find(name)
    if entry.task != "ranking" or not entry.learns_online:
        names = ", ".join(e.name for e in CATALOGUE if e.task == "ranking" and e.learns_online)
        raise ConfigurationError(
            f"The ranker must be a ranking model that learns online: {names}. Received: {name!r}."
        )
    return entry
