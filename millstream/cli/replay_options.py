"""The options of commands that replay a log through the loop."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millstream.cli.option_sets import option_set
from millstream.cli.quiet_import import import_keras_quietly, one_thread_each

if TYPE_CHECKING:
    from simulation.replay_options import ReplayOptions

_OPTIONS = (
    click.argument(
        "files",
        nargs=-1,
        metavar="[FILE...]",
        type=click.Path(exists=True, path_type=Path),
    ),
    click.option(
        "--topics", is_flag=True, help="Replay the topics of this installation; read only."
    ),
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="FIELD=NAME",
        help="Column of a CSV or Parquet file that holds user_id, item_id, event_time, session_id, "
        "or context.NAME, user.NAME or item.NAME for --segment.",
    ),
    click.option("--from", "first", type=float, help="First hour of the log that is replayed."),
    click.option("--to", "end", type=float, help="Hour of the log at which the replay ends."),
    click.option("--ask-from", type=float, help="First hour of the log in which lists are asked."),
    click.option(
        "--most-questions",
        type=click.IntRange(min=1),
        help="Maximum lists asked, spread evenly over the events that could be asked about; all by "
        "default.",
    ),
    click.option(
        "--sessions-of",
        type=int,
        default=1,
        show_default=True,
        help="Minimum events of a session that is replayed.",
    ),
    click.option("--keep-repeats", is_flag=True, help="Keep an item's repeats within a session."),
    click.option(
        "--new-items",
        type=click.Choice(["first-click", "upsert"]),
        default="first-click",
        show_default=True,
        help="When items without an upsert in the log come to be: when first met, or never.",
    ),
    click.option(
        "--ask",
        type=click.Choice(["positive", "session-last", "impression"]),
        default="positive",
        show_default=True,
        help="Events before which a list is asked; logged impressions are judged by propensities.",
    ),
    click.option(
        "--recent-items",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="So many of the items that the session met last come with a question, as a page "
        "would send them.",
    ),
    click.option(
        "--k", type=click.IntRange(1, 200), default=20, show_default=True, help="List length."
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of exploration."),
)


# Give a command FILE..., `--topics` and the other `ReplayOptions`.
replay_options = option_set(*_OPTIONS)


def replay_options_of(given: dict[str, Any]) -> "ReplayOptions":
    """The `ReplayOptions` of what was given, which are taken out of it; loads what a replay needs.

    Raises:
        click.UsageError: neither files nor `--topics`, or both.
    """
    if bool(given["files"]) == given["topics"]:
        raise click.UsageError("Expected either FILE... or --topics.")
    one_thread_each()
    import_keras_quietly()
    from simulation.replay_options import ReplayOptions

    return ReplayOptions(**{each.name: given.pop(each.name) for each in fields(ReplayOptions)})
