"""Optimisers by name and by the prefix of layers: of embedding rows, and of all other weights."""

from collections.abc import Mapping

import keras

from models.adam import Adam
from models.optimisers import ByPrefix
from online_trainer.embeddings.optimisers import Ftrl, LazyAdam, RowAdagrad, RowOptimiser

_OF_ROWS = {"adagrad": RowAdagrad, "adam": LazyAdam, "ftrl": Ftrl}


def row_optimisers(
    by_prefix: Mapping[str, str], rates: Mapping[str, float]
) -> dict[str, RowOptimiser]:
    """Optimisers of embedding rows: row-wise Adagrad unless a prefix overrides it.

    Args:
        by_prefix: `adagrad`, `adam` or `ftrl` by the prefix of the tables' layers.
        rates: of these.
    """
    named = {prefix: _OF_ROWS[name](rates[name]) for prefix, name in by_prefix.items()}
    return {"": RowAdagrad(rates["adagrad"]), **named}


def dense_optimiser(
    by_prefix: Mapping[str, str], rate: float, row_rates: Mapping[str, float]
) -> keras.Optimizer:
    """Optimiser of the weights outside of tables: Adam unless a prefix overrides it.

    Args:
        by_prefix: as for `row_optimisers`.
        rate: of Adam where no prefix says otherwise.
        row_rates: of the others: they belong to the rows (first-order weights of floats, say).
    """
    adam = Adam(rate)
    if not by_prefix:
        return adam
    named = {
        prefix: {"class_name": name, "config": {"learning_rate": row_rates[name]}}
        for prefix, name in by_prefix.items()
    }
    return ByPrefix({"": adam, **named})
