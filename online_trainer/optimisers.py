"""Optimisers by name and by the prefix of layers: of embedding rows, and of all other weights."""

from collections.abc import Mapping

import keras

from models.adam import Adam
from models.optimisers import ByPrefix
from online_trainer.embeddings.optimisers import Ftrl, LazyAdam, RowAdagrad, RowOptimiser

_OF_ROWS = {"adagrad": RowAdagrad, "adam": LazyAdam, "ftrl": Ftrl}


def row_optimisers(by_prefix: Mapping[str, str], rate: float) -> dict[str, RowOptimiser]:
    """Of embedding rows: row-wise Adagrad, but for those of `by_prefix`.

    Args:
        by_prefix: `adagrad`, `adam` or `ftrl` by the prefix of the tables' layers.
        rate: of all of them.
    """
    return {"": RowAdagrad(rate), **{p: _OF_ROWS[name](rate) for p, name in by_prefix.items()}}


def dense_optimiser(by_prefix: Mapping[str, str], rate: float, row_rate: float) -> keras.Optimizer:
    """Of the weights outside of tables: Adam, but for those of `by_prefix`.

    Args:
        by_prefix: as for `row_optimisers`.
        rate: of Adam where no prefix says otherwise.
        row_rate: of the others: they belong to the rows (first-order weights of floats, say).
    """
    adam = Adam(rate)
    if not by_prefix:
        return adam
    named = {p: keras.optimizers.get(name) for p, name in by_prefix.items()}
    for optimizer in named.values():
        optimizer.learning_rate = row_rate
    return ByPrefix({"": adam, **named})
