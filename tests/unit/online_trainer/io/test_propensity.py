"""Weights of shown items by how likely chance was to show them."""

import numpy as np
import pyarrow as pa
import pytest

from online_trainer.io.examples import ExampleBatch, decode, propensity_weights
from tests.support.examples import example_message

ROWS = 6


def table(origin, propensity):
    changes = {
        "origin": pa.array(origin).dictionary_encode(),
        "propensity": pa.array(propensity, pa.float32()),
    }
    return decode(example_message(0, ROWS, changes=changes)).table


def test_shown_items_weigh_the_inverse_of_their_propensity_up_to_the_limit():
    shown = table(["impression"] * ROWS, [1.0, 0.5, 0.25, 0.01, 0.0, None])
    assert propensity_weights(shown, 10.0).tolist() == [1.0, 2.0, 4.0, 10.0, 1.0, 1.0]


def test_what_was_not_shown_weighs_what_it_did():
    others = table(["organic", "sampled"] * 3, [0.1] * ROWS)
    assert propensity_weights(others, 10.0).tolist() == [1.0] * ROWS
    assert propensity_weights(others.drop_columns("propensity"), 10.0).tolist() == [1.0] * ROWS


def test_what_is_shown_by_chance_counts_as_if_all_were_shown_alike():
    """A share p of items is shown; their weighted labels add up to those of all, on average."""
    rng = np.random.default_rng(0)
    chances, labels = rng.uniform(0.1, 1.0, 20_000), rng.random(20_000)
    shown = rng.random(20_000) < chances
    made = pa.table({"origin": ["impression"] * int(shown.sum()), "propensity": chances[shown]})
    weights = propensity_weights(made, 10.0)
    assert (weights * labels[shown]).sum() == pytest.approx(labels.sum(), rel=0.02)


def test_a_batch_is_weighted_row_by_row():
    examples = ExampleBatch.of(table(["impression"] * ROWS, [0.5] * ROWS))
    weighted = examples.weighted(np.arange(ROWS, dtype=np.float32))
    assert weighted.batch.weights.tolist() == list(range(ROWS))
    assert weighted.batch.labels is examples.batch.labels
