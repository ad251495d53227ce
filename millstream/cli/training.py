"""The options of commands that train models offline."""

from typing import Any

import click

from millstream.cli.option_sets import option_set

# Rows per step where nothing is given: one pass in time order learns from what has just come.
BATCH_SIZE = 4096
PROGRESSIVE_BATCH_SIZE = 256

_OPTIONS = (
    click.option("--width", default=16, show_default=True, help="Numbers per embedding row."),
    click.option(
        "--batch-size", type=int, help="Rows per step. [default: 4096; 256 for --split progressive]"
    ),
    click.option("--epochs", default=50, show_default=True, help="Maximum epochs."),
    click.option(
        "--patience",
        default=2,
        show_default=True,
        help="Epochs without a better validation AUC before training ends.",
    ),
    click.option(
        "--learning-rate",
        type=float,
        help="Learning rate of Adam. [default: the model's, see `millstream models MODEL`; at most "
        "0.003 for --split progressive]",
    ),
    click.option(
        "--decay",
        default=0.1,
        show_default=True,
        help="Factor on the learning rate after an epoch without a gain.",
    ),
    click.option(
        "--l2",
        type=float,
        help="L2 penalty on embedding rows. [default: the model's, see `millstream models MODEL`; "
        "0 for --split progressive]",
    ),
    click.option("--dropout", type=float, help="Dropout rate, for networks that have it."),
    click.option(
        "--min-count",
        default=1,
        show_default=True,
        help="Minimum occurrences of an id; rarer ones share one row.",
    ),
    click.option(
        "--option",
        "options",
        multiple=True,
        metavar="NAME=VALUE",
        help="Option of the model's builder.",
    ),
)


_DATASET = (
    click.option(
        "--data", required=True, help="Dataset: ml-100k[+history], libfm:TRAIN,TEST or SCHEMA.toml."
    ),
    click.option(
        "--split",
        "kind",
        type=click.Choice(("given", "random", "time")),
        help="Rows that train, validate and test, as in `millstream eval`. [default: given where "
        "there are test rows, else random]",
    ),
)


# Give a command a dataset and its split, for one model.
dataset_options = option_set(*_DATASET)


# Give a command the options of `models.evaluation.settings.Training`, and `--option`.
training_options = option_set(*_OPTIONS)


def training_of(given: dict[str, Any], split: str) -> Any:
    """The `Training` of what was given, with the split's defaults for the rest."""
    from models.evaluation.settings import Training

    batch_size = PROGRESSIVE_BATCH_SIZE if split == "progressive" else BATCH_SIZE
    given = {name: value for name, value in given.items() if value is not None}
    return Training(**{"batch_size": batch_size, **given})
