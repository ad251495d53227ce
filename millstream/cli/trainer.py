"""`millstream trainer`: the online trainer."""

import click

from millstream.settings import settings


@click.command()
@click.option(
    "--frozen-baseline",
    is_flag=True,
    help="Keep the ranker as it was at the first snapshot, and export how both compare.",
)
def trainer(frozen_baseline: bool) -> None:
    """Run the online trainer.

    It goes on from the newest sound snapshot, reads the topic `examples`, scores every example and
    then learns from it, and publishes snapshots every few seconds. SIGTERM or Ctrl-C ends it; what
    was learnt last is published before.

    \b
    Example:
      MILLSTREAM_SNAPSHOT_INTERVAL_S=2 millstream trainer
    """
    from online_trainer.main import main

    main(settings(), frozen_baseline=frozen_baseline)
