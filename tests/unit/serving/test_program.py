"""A compiled network scores as the network does, with one row for the user of a whole list."""

from typing import Any

import keras
import numpy as np
import pytest

from features.spec import model_inputs
from millstream.snapshots.layout import TableRows
from models.catalogue import build
from models.spec_fields import ranker_fields
from models.split import split
from models.weights import weight_arrays
from serving.model.program import Program
from serving.model.programs import SHARED
from serving.model.table import Table

ITEMS = 7
OPTIONS: dict[str, dict[str, Any]] = {
    "dcn_v2": {"crosses": 2, "hidden": [8, 4]},
    "deepfm": {"hidden": [8]},
    "din": {"hidden": [8]},
    "final_mlp": {"hidden": [8], "heads": 2},
    "lr": {},
}


def inputs(rng):
    """One user and moment, `ITEMS` items."""
    found = {}
    for given in model_inputs():
        rows = 1 if given.name in SHARED else ITEMS
        shape = (rows, given.length) if given.length else (rows,)
        ids, numbers = rng.integers(0, 6, shape), rng.normal(size=shape)
        found[given.name] = ids if given.kind == "id" else numbers.astype(np.float32)
    return found


def drawn_table(rng, width):
    rows = TableRows(np.arange(5), rng.normal(size=(5, width)).astype("f4"), np.empty(0, np.int64))
    return Table.empty(width).updated(rows)


@pytest.fixture(scope="module", params=OPTIONS)
def network(request):
    keras.utils.set_random_seed(3)
    built = build(request.param, ranker_fields(4), **OPTIONS[request.param])
    rng = np.random.default_rng(5)
    for variable in built.trainable_variables:
        variable.assign(rng.normal(scale=0.3, size=variable.shape))
    return built


@pytest.mark.parametrize("shared", [SHARED, ()], ids=["one user", "a row for each"])
def test_a_program_scores_as_its_network_does(network, shared):
    rng = np.random.default_rng(8)
    parts, program, given = split(network), Program(network, shared), inputs(rng)
    tables = {name: drawn_table(rng, table.width) for name, table in parts.tables.items()}
    rows = {name: np.repeat(x, ITEMS // len(x), axis=0) for name, x in given.items()}
    vectors = {use.input_name: tables[use.table].lookup(rows[use.field]) for use in parts.lookups}
    expected = parts.body({x.name: (rows | vectors)[x.name] for x in parts.body.inputs})
    found = program(program.weights(weight_arrays(network)), tables, given if shared else rows)
    assert np.ptp(found) > 0.01
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5)
