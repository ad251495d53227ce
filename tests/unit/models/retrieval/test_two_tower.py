import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from millstream.errors import ConfigurationError
from models.fields import Field
from models.retrieval.model import RetrievalModel
from models.retrieval.two_tower import two_tower
from models.split import split

FIELDS = [
    Field("user_id", width=4, rows=9, belongs_to="user"),
    Field("recent", width=4, rows=9, length=3, shared_with="item_id", belongs_to="user"),
    Field("hour", width=2, rows=9, belongs_to="context"),
    Field("item_id", width=4, rows=9, belongs_to="item"),
    Field("affinity", "float", belongs_to="cross"),
]
QUERY = {
    "user_id": np.array([1, 2]),
    "recent": np.array([[3, 4, 0], [0, 0, 0]]),
    "hour": np.array([5, 6]),
}
CANDIDATE = {"item_id": np.array([3, 6, 7])}


@pytest.fixture(autouse=True)
def _weights_that_leave_something_of_every_row() -> None:
    """With every third seed, five ReLUs leave nothing of a row, which has no direction then."""
    keras.utils.set_random_seed(2)


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_each_tower_takes_its_side_and_gives_unit_vectors():
    towers = two_tower(FIELDS, dim=8, hidden=(5,))
    assert list(towers.query.input) == ["user_id", "recent", "hour"]
    assert list(towers.candidate.input) == ["item_id"]
    for tower, rows in ((towers.query, QUERY), (towers.candidate, CANDIDATE)):
        vectors = values(tower(rows))
        assert vectors.shape == (len(next(iter(rows.values()))), 8)
        assert_allclose((vectors**2).sum(axis=1), 1.0, atol=1e-5)


def test_a_tower_is_an_mlp_on_its_fields():
    tower = two_tower(FIELDS, dim=8, hidden=(5,)).candidate
    w = {v.path: values(v) for v in tower.weights}
    x = w["embedding.item_id/embeddings"][CANDIDATE["item_id"]]
    x = np.maximum(x @ w["candidate_0/kernel"] + w["candidate_0/bias"], 0.0)
    x = x @ w["candidate_out/kernel"] + w["candidate_out/bias"]
    assert_allclose(tower(CANDIDATE), x / np.linalg.norm(x, axis=1, keepdims=True), atol=1e-5)


def test_towers_share_the_tables_that_their_fields_share():
    towers = two_tower(FIELDS, hidden=(5,))
    table = towers.candidate.get_layer("embedding.item_id")
    assert towers.query.get_layer("embedding.item_id") is table


def test_each_tower_splits_by_itself():
    towers = two_tower(FIELDS, hidden=(5,))
    assert [use.field for use in split(towers.query).lookups] == ["hour", "recent", "user_id"]
    assert [use.field for use in split(towers.candidate).lookups] == ["item_id"]


def test_towers_come_back_from_a_saved_model(tmp_path):
    towers = two_tower(FIELDS, hidden=(5,))
    towers.model.save(tmp_path / "model.keras")
    loaded = RetrievalModel.of(keras.models.load_model(tmp_path / "model.keras"), FIELDS)
    assert_array_equal(values(loaded.query(QUERY)), values(towers.query(QUERY)))
    assert_array_equal(values(loaded.candidate(CANDIDATE)), values(towers.candidate(CANDIDATE)))
    table = loaded.candidate.get_layer("embedding.item_id")
    assert loaded.query.get_layer("embedding.item_id") is table


def test_a_field_that_belongs_nowhere_is_refused():
    with pytest.raises(ConfigurationError) as error:
        two_tower([*FIELDS, Field("lost", width=4)])
    assert "Received: None for ['lost']" in str(error.value)


def test_a_tower_without_fields_is_refused():
    with pytest.raises(ConfigurationError, match="must have one that belongs to item"):
        two_tower(FIELDS[:2])
