"""The options of commands that train models offline."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

# What an option is where it is not given; one pass over small batches asks for smaller steps.
DEFAULTS = {"batch_size": 4096, "learning_rate": 1e-2}
PROGRESSIVE = {"batch_size": 256, "learning_rate": 3e-3}

_OPTIONS = (
    click.option("--width", default=16, show_default=True, help="Values per embedding row."),
    click.option("--batch-size", type=int, help="Rows per step. [4096; 256 where progressive]"),
    click.option("--epochs", default=50, show_default=True, help="At most."),
    click.option(
        "--patience", default=2, show_default=True, help="Epochs without a better validation AUC."
    ),
    click.option("--learning-rate", type=float, help="Of Adam. [0.01; 0.003 where progressive]"),
    click.option(
        "--decay", default=0.1, show_default=True, help="Of the rate, where an epoch gains nothing."
    ),
    click.option(
        "--l2",
        type=float,
        help="Penalty on embedding rows. [the model's, see `millstream models MODEL`; at most "
        "0.0003 where progressive]",
    ),
    click.option("--dropout", type=float, help="Of networks that have it."),
    click.option("--min-count", default=1, show_default=True, help="Rarer ids share one row."),
    click.option(
        "--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the builder."
    ),
)


def training_options(command: F) -> F:
    """Give a command the options of `models.evaluation.settings.Training`, and `--option`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def training_of(given: dict[str, Any], split: str) -> Any:
    """The `Training` of what was given, with the split's defaults for the rest."""
    from models.evaluation.settings import Training

    defaults = PROGRESSIVE if split == "progressive" else DEFAULTS
    return Training(**defaults | {name: v for name, v in given.items() if v is not None})
