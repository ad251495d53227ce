"""Networks that are built in another process."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from features.signatures import input_signatures
from millstream.errors import ConfigurationError, SnapshotError
from models.rankers import ranking_network
from models.spec_fields import ranker_fields
from models.weights import weight_arrays
from serving.model.embedding_table import EmbeddingTable
from serving.model.program_files import FromFiles, answer_requests
from serving.model.programs import KerasBuilder
from tests.unit.serving.model.test_program import ITEMS, drawn_table, inputs

INPUTS = input_signatures()
RANKER = {"name": "dcn_v2", "embedding_width": 4, "options": {"hidden": [8]}}
RETRIEVER = {"name": "two_tower", "embedding_width": 4, "options": {"hidden": [8]}}


@pytest.fixture
def answered(tmp_path):
    """Asks for a network while another thread answers."""

    def ask(role, config, builder=None):
        end = threading.Event()

        def answer():
            while not end.wait(0.01):
                answer_requests(tmp_path, builder)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            return getattr(FromFiles(tmp_path, patience_s=60.0), role)(config, INPUTS)
        finally:
            end.set()
            thread.join()

    return ask


def test_a_network_from_a_file_scores_as_the_one_that_was_built(answered):
    found, own = answered("ranker", RANKER), KerasBuilder().ranker(RANKER, INPUTS)
    network = ranking_network(RANKER, ranker_fields(4, INPUTS))
    rng = np.random.default_rng(1)
    tables = {name: drawn_table(rng, table.width) for name, table in own.tables.items()}
    arrays, given = weight_arrays(network), inputs(rng)
    one, other = (each(each.weights(arrays), tables, given) for each in (found, own))
    assert one.shape == (ITEMS, 1)
    assert np.array_equal(one, other)
    assert found.lookups == own.lookups


def test_both_towers_come_with_their_width(answered):
    found = answered("retriever", RETRIEVER)
    tables = {name: EmbeddingTable.empty(table.width) for name, table in found.query.tables.items()}
    assert found.is_portable and tables
    assert found.dim == KerasBuilder().retriever(RETRIEVER, INPUTS).dim


def test_what_is_there_is_not_built_again(answered, tmp_path):
    answered("ranker", RANKER)
    assert FromFiles(tmp_path, patience_s=0.0).ranker(RANKER, INPUTS).is_portable
    assert not list(tmp_path.glob("*.request"))
    assert len(list(tmp_path.glob("*.program"))) == 1


def test_a_network_that_needs_tensorflow_is_built_where_it_is_asked_for(answered, caplog):
    config = {"name": "din", "embedding_width": 4, "options": {"hidden": [8]}}
    assert not answered("ranker", config).is_portable
    assert "The ranker din needs TensorFlow here, too." in caplog.text


def test_one_that_cannot_be_built_is_refused_where_it_is_asked_for(answered):
    with pytest.raises(ConfigurationError, match="nothing_known"):
        answered("ranker", {**RANKER, "name": "nothing_known"})


def test_nobody_waits_for_ever(tmp_path):
    with pytest.raises(SnapshotError, match="No process has built the ranker 'dcn_v2' within 0 s"):
        FromFiles(tmp_path, patience_s=0.0).ranker(RANKER, INPUTS)


_PROGRAM = """
import pickle, sys
from pathlib import Path
for path in Path(sys.argv[1]).glob("*.program"):
    assert pickle.loads(path.read_bytes()).is_portable
import serving.wiring, serving.model.loader
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
"""


def test_who_serves_loads_neither_keras_nor_tensorflow(answered, tmp_path):
    answered("ranker", RANKER)
    answered("retriever", RETRIEVER)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
