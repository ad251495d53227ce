"""The Feast objects against the spec that they are built from."""

import importlib
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from features.spec import VIEWS, features_of
from features.stores import parts
from features.stores.schema import view_schema


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def definitions(data_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLSTREAM_DATA_DIR", str(data_dir))
        return importlib.import_module("feature_repo.definitions")


@pytest.mark.parametrize("number", range(len(VIEWS)), ids=[view.name for view in VIEWS])
def test_a_feature_view_is_its_view_of_the_spec(definitions, number):
    view, found = VIEWS[number], definitions.FEATURE_VIEWS[number]
    assert found.name == view.name
    assert found.entities == [view.entity]
    assert found.ttl == timedelta(seconds=view.ttl_s or 0)
    assert found.stream_source.name == f"{view.name}_push"
    assert [field.name for field in found.features] == [f.name for f in features_of(view)]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_table_before_the_first_event_has_the_columns_of_the_writer(
    definitions, data_dir, view
):
    (file,) = (data_dir / "offline" / view.name).iterdir()
    found = pq.read_schema(file)
    assert file.name == parts.SCHEMA_FILE
    assert found.names == view_schema(view).names[:-2]
    assert all(field.equals(view_schema(view).field(field.name)) for field in found)


def test_a_table_that_is_there_stays(definitions, tmp_path):
    schema = view_schema(VIEWS[0])
    parts.open_folder(tmp_path, schema)
    definitions.ensure_table(tmp_path, {"other": "string"})
    assert pq.read_schema(tmp_path / parts.SCHEMA_FILE).names == schema.names


def test_the_service_has_every_view(definitions):
    names = [projection.name for projection in definitions.RANKING.feature_view_projections]
    assert names == [view.name for view in VIEWS]
