import inspect
import subprocess
import sys

import numpy as np
import pytest

from millstream.errors import ConfigurationError
from models.catalogue import CATALOGUE, build, find
from models.fields import Field
from models.layers.field_embedding import FieldEmbedding
from models.rows import RowInit


def test_names_are_unique():
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_builder_takes_fields_and_named_options_with_defaults(entry):
    options = list(inspect.signature(entry.load()).parameters.values())
    if entry.task != "matrix":
        assert options.pop(0).name == "fields"
    assert all(option.kind is option.KEYWORD_ONLY for option in options)
    assert all(option.default is not option.empty for option in options)
    assert "http" in entry.paper


def test_a_name_that_is_nearly_right_gets_a_hint():
    with pytest.raises(ConfigurationError) as error:
        find("DCNv2")
    names = ", ".join(sorted(entry.name for entry in CATALOGUE))
    assert str(error.value) == (
        f"`name` must be a model of the catalogue: {names}. "
        "Did you mean 'dcn_v2'? Received: 'DCNv2'."
    )


def test_a_builder_of_the_project_is_found_in_its_folder(tmp_path, monkeypatch):
    (tmp_path / "own_model_of_a_test.py").write_text(
        "from models.ranking.lr import lr\ndef ranker(fields, *, depth=1):\n    return lr(fields)\n"
    )
    monkeypatch.setenv("MILLSTREAM_PROJECT", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    fields = [Field("a", "id", width=2), Field("b", "float")]
    network = build("own_model_of_a_test:ranker", fields, depth=2)
    assert sorted(each.name for each in network.inputs) == ["a", "b"]
    with pytest.raises(ConfigurationError, match=r"must be among \['depth'\]"):
        build("own_model_of_a_test:ranker", fields, width=2)
    with pytest.raises(ConfigurationError, match="No module named 'own_lost_of_a_test'"):
        build("own_lost_of_a_test:ranker", fields)


def test_a_name_that_is_like_no_other_gets_the_list_alone():
    with pytest.raises(ConfigurationError) as error:
        find("zzz")
    assert "Did you mean" not in str(error.value)


def test_rankers_retrievers_and_networks_of_several_tasks_learn_online_but_for_trees():
    online = {e.name for e in CATALOGUE if e.learns_online}
    kinds = ("ranking", "retrieval", "autoencoder")
    one_task = {e.name for e in CATALOGUE if e.task in kinds and e.family != "trees"}
    assert online - one_task == {"shared_bottom", "esmm", "mmoe", "ple", "stem", "ame"}
    assert one_task <= online


def test_a_model_of_a_matrix_is_not_built_from_fields():
    with pytest.raises(ConfigurationError, match="Received: 'ease', which learns from a matrix"):
        build("ease", [Field("item_id", width=4)])


def test_an_entrys_own_options_are_its_defaults():
    assert find("dcn_v2_mix").defaults()["experts"] == 4
    assert find("dcn_v2").defaults()["experts"] != 4


def test_build_passes_options_on():
    model = build("dcn_v2", [Field("item_id", width=4)], crosses=3, hidden=())
    assert [layer.name for layer in model.layers if layer.name.startswith("cross")] == [
        "cross_0",
        "cross_1",
        "cross_2",
    ]


def test_rows_begin_as_the_network_needs_them_where_the_field_does_not_say():
    given = RowInit(scale=0.1)
    fields = [Field("user_id", width=4, rows=50), Field("item_id", width=4, rows=50, init=given)]
    reach = {
        layer.table: float(np.abs(layer.embeddings).max())
        for layer in build("fibinet", fields).layers
        if isinstance(layer, FieldEmbedding) and layer.name.startswith("embedding.")
    }
    scale = find("fibinet").row_init.scale
    assert 0.9 * scale < reach["user_id"] <= scale
    assert 0.9 * given.scale < reach["item_id"] <= given.scale


def test_reading_the_catalogue_and_the_metrics_loads_no_framework():
    code = (
        "import sys, models.catalogue, models.fields, models.rows, models.metrics, "
        "models.evaluation.loaders, models.evaluation.runs, models.evaluation.report, "
        "models.losses.streaming_frequency; "
        "sys.exit(bool({'keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
