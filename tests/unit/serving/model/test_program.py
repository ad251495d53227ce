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
from serving.model.embedding_table import EmbeddingTable
from serving.model.numpy_program import NumpyProgram
from serving.model.program import Program
from serving.model.programs import SHARED

ITEMS = 7
OPTIONS: dict[str, dict[str, Any]] = {
    "dcn_v2": {"crosses": 3, "hidden": [8, 4], "dropout": 0.5},
    "dcn_v2 of a low rank": {"crosses": 3, "rank": 2, "hidden": [8], "structure": "stacked"},
    "deepfm": {"hidden": [8]},
    "din": {"hidden": [8]},
    "final_mlp": {"hidden": [8], "heads": 2},
    "lr": {},
    "wide_deep": {"hidden": [8]},
}
PLANNED = {"dcn_v2", "dcn_v2 of a low rank", "deepfm", "lr", "wide_deep"}


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
    return EmbeddingTable.empty(width).updated(rows)


@pytest.fixture(scope="module", params=OPTIONS)
def network(request):
    keras.utils.set_random_seed(3)
    built = build(request.param.split()[0], ranker_fields(4), **OPTIONS[request.param])
    rng = np.random.default_rng(5)
    for variable in built.trainable_variables:
        variable.assign(rng.normal(scale=0.3, size=variable.shape))
    return built


@pytest.fixture
def lists(network):
    """Inputs and vectors of a list, and what the network gives for a row of them for each item."""
    rng = np.random.default_rng(8)
    parts, given = split(network), inputs(rng)
    tables = {name: drawn_table(rng, table.width) for name, table in parts.tables.items()}
    rows = {name: np.repeat(x, ITEMS // len(x), axis=0) for name, x in given.items()}
    vectors = {use.input_name: tables[use.table].lookup(rows[use.field]) for use in parts.lookups}
    expected = parts.body({x.name: (rows | vectors)[x.name] for x in parts.body.inputs})
    return given, rows, tables, np.asarray(expected)


def check(program, network, tables, given, expected):
    found = program(program.weights(weight_arrays(network)), tables, given)
    assert np.ptp(found) > 0.01
    assert found.dtype == np.float32
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shared", [SHARED, ()], ids=["one user", "a row for each"])
def test_a_program_scores_as_its_network_does(network, lists, shared):
    given, rows, tables, expected = lists
    check(Program(network, shared), network, tables, given if shared else rows, expected)


@pytest.mark.parametrize("shared", [SHARED, ()], ids=["one user", "a row for each"])
def test_what_tensorflow_runs_scores_the_same(network, lists, shared, monkeypatch):
    given, rows, tables, expected = lists
    monkeypatch.setattr(NumpyProgram, "of", lambda body, variables: None)
    check(Program(network, shared), network, tables, given if shared else rows, expected)


def test_a_list_of_one_item_is_scored_as_in_a_longer_list(network, lists):
    given, _, tables, expected = lists
    alone = {name: x[:1] for name, x in given.items()}
    program = Program(network, SHARED)
    found = program(program.weights(weight_arrays(network)), tables, alone)
    assert np.allclose(found, expected[:1], rtol=1e-4, atol=1e-5)


def test_networks_of_common_layers_need_no_tensorflow(request, network):
    body = split(network).body
    is_planned = NumpyProgram.of(body, body.variables) is not None
    assert is_planned == (request.node.callspec.params["network"] in PLANNED)


def test_an_activation_that_is_not_known_is_left_to_tensorflow():
    given = keras.Input((2,), name="x")
    network = keras.Model({"x": given}, keras.layers.Dense(1, activation="mish")(given))
    assert NumpyProgram.of(network, network.variables) is None
