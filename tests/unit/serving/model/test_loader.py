"""A model that serving loads gives what the network that was published gives."""

import numpy as np
import pytest
import tensorflow as tf
from msgspec.structs import replace

from features.encode import encode_context, encode_cross
from features.signatures import input_signatures
from features.spec import model_inputs, spec_hash
from millstream.clock import FakeClock
from millstream.errors import SnapshotError
from millstream.events import ItemUpsert
from millstream.ids import id64_array
from millstream.snapshots import SnapshotReader
from millstream.snapshots.layout import TableRows
from models.split import split
from serving.catalogue.catalogue import Catalogue
from serving.model.loader import Loader
from serving.model.served import ServedNetwork, ServedRetriever
from serving.retrieval.item_index import IndexOptions
from serving.users import StoredUser
from tests.support.served_snapshots import MODELS, SnapshotMaker

NOW_S = 1_767_225_600.0
ITEMS = [f"item {number}" for number in range(30)]


@pytest.fixture(scope="module")
def catalogue():
    found = Catalogue()
    upserts = [
        ItemUpsert(
            event_id=item,
            event_time=NOW_S - 1000 * place,
            item_id=item,
            title=item,
            categories=[["Drama", "Comedy"][place % 2]],
            attributes={"release_year": 1950.0 + place},
        )
        for place, item in enumerate(ITEMS)
    ]
    found.upsert(upserts)
    return found


@pytest.fixture
def maker(tmp_path):
    return SnapshotMaker(tmp_path, id64_array([*ITEMS[:20], "Drama", "a user"]))


@pytest.fixture
def loader(tmp_path, catalogue):
    return Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S))


def inputs_of(catalogue, rows):
    user = StoredUser.unknown("a user")
    user.raw["user_recent_items"] = [ITEMS[3], "never heard of", ITEMS[25]]
    user.raw["user_categories"] = ["Comedy"]
    user.raw["user_category_events"] = [3.0]
    user.raw["user_category_positives"] = [2.0]
    features, items = user.as_of(NOW_S), catalogue.as_of(rows, NOW_S)
    return {
        **user.inputs(features, NOW_S),
        **encode_context(np.array([NOW_S]), {}),
        **catalogue.inputs(rows, items, NOW_S),
        **encode_cross(features, items),
    }


def slow(network, tables, inputs, count):
    """The published network itself, row by row, on vectors looked up in dictionaries."""
    parts = split(network)
    rows = {name: {**dict(zip(t.ids, t.vectors, strict=True))} for name, t in tables.items()}
    own = {name: np.repeat(inputs[name], count // len(inputs[name]), 0) for name in network.input}
    for look in parts.lookups:
        table, width = rows[look.table], parts.tables[look.table].width
        flat = [
            np.zeros(width, np.float32) if key == 0 else table.get(key, table[0])
            for key in own[look.field].ravel()
        ]
        own[look.input_name] = np.reshape(flat, (*own[look.field].shape, width))
    return parts.body({name: tf.constant(x) for name, x in own.items()}, training=False).numpy()


def test_scores_are_those_of_the_published_ranker(loader, maker, catalogue):
    tables = maker.write(1)["ranker"]
    inputs = inputs_of(catalogue, np.arange(30))
    logits = slow(maker.ranker, tables, inputs, 30)[:, 0]
    scores = loader.load(1).ranker.scores(inputs)["positive"]
    assert scores == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)
    assert len(np.unique(scores.round(6))) > 10


def test_vectors_are_those_of_the_published_towers(loader, maker, catalogue):
    tables = maker.write(1)["retriever"]
    retriever = loader.load(1).retriever
    inputs = inputs_of(catalogue, np.arange(30))
    query = slow(maker.towers.query, tables, inputs, 1)[0]
    candidates = slow(maker.towers.candidate, tables, inputs, 30)
    assert retriever.query_vector(inputs) == pytest.approx(query, abs=1e-5)
    assert retriever.index.vectors(np.arange(30)) == pytest.approx(candidates, abs=1e-5)
    rows, _ = retriever.index.search(query, 30)
    assert rows.tolist() == np.argsort(-(candidates @ query)).tolist()


@pytest.mark.parametrize("name", ["sasrec", "comirec_sa"])
def test_a_retriever_of_any_name_is_served(name, tmp_path, loader, catalogue):
    models = {**MODELS, "retriever": {"name": name, "embedding_width": 4}}
    other = SnapshotMaker(tmp_path, id64_array([*ITEMS[:20], "Drama", "a user"]), models)
    tables = other.write(1)["retriever"]
    retriever = loader.load(1).retriever
    inputs = inputs_of(catalogue, np.arange(30))
    query = slow(other.towers.query, tables, inputs, 1)[0]  # (dim,) or (interests, dim)
    candidates = slow(other.towers.candidate, tables, inputs, 30)
    assert retriever.query_vector(inputs) == pytest.approx(query, abs=1e-5)
    rows, scores = retriever.index.search(query, 10)
    best = np.max(candidates @ np.atleast_2d(query).T, axis=1)
    assert scores == pytest.approx(np.sort(best)[::-1][:10], abs=1e-5)
    assert best[rows] == pytest.approx(scores, abs=1e-5)


def test_deltas_on_what_is_served_give_what_the_whole_chain_gives(tmp_path, maker, catalogue):
    for version, parent in ((1, None), (2, 1), (3, 2)):
        maker.write(version, parent)
    inputs = inputs_of(catalogue, np.arange(30))

    def fresh() -> Loader:
        return Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S))

    step_by_step = fresh()
    model = step_by_step.load(1)
    for version in (2, 3):
        model = step_by_step.load(version, base=model)
    at_once = fresh().load(3)
    assert model.ranker.scores(inputs)["positive"] == pytest.approx(
        at_once.ranker.scores(inputs)["positive"], abs=1e-7
    )
    first, second = model.retriever.index, at_once.retriever.index
    assert np.allclose(first.vectors(np.arange(30)), second.vectors(np.arange(30)), atol=1e-7)


def test_a_version_that_is_not_built_on_what_is_served_is_read_whole(loader, maker, catalogue):
    maker.write(1)
    base = loader.load(1)
    maker.write(2, seed=1)
    inputs = inputs_of(catalogue, np.arange(30))
    scores = loader.load(2, base).ranker.scores(inputs)["positive"]
    assert scores == pytest.approx(base.ranker.scores(inputs)["positive"], abs=1e-7)


def test_a_new_version_compiles_nothing_anew(loader, maker):
    maker.write(1)
    maker.write(2, parent=1)
    first = loader.load(1)
    second = loader.load(2, base=first)
    assert first.ranker.network.program is second.ranker.network.program
    assert first.retriever.query.program is second.retriever.query.program


def test_a_snapshot_without_a_role_is_served_without_it(loader, maker):
    maker.write(1, models={"ranker": MODELS["ranker"]})
    model = loader.load(1)
    assert model.ranker is not None
    assert model.retriever is None


def test_a_snapshot_that_names_no_inputs_is_refused_where_the_features_are_others(loader, maker):
    maker.write(1, spec_hash="another")
    with pytest.raises(
        SnapshotError, match=rf"must be of feature spec {spec_hash()}, for .*Received: 'a"
    ):
        loader.load(1)


def test_a_snapshot_of_fewer_inputs_in_another_order_is_served_on_exactly_those(
    tmp_path, catalogue
):
    known = {each.name: each for each in input_signatures()}
    inputs = tuple(known[name] for name in ("item_id", "user_age", "user_id", "user_categories"))
    maker = SnapshotMaker(tmp_path, id64_array(ITEMS), inputs=inputs)
    maker.write(1, spec_hash="of another list")
    model = Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S)).load(1)
    given = inputs_of(catalogue, np.arange(30))
    scores = model.ranker.scores(given)["positive"]
    moved = {name: values for name, values in given.items() if name in {e.name for e in inputs}}
    assert np.array_equal(model.ranker.scores(moved)["positive"], scores)
    assert np.ptp(scores) > 0


def test_an_input_that_is_not_computed_here_is_named(tmp_path, catalogue):
    first, second, *rest = input_signatures()
    inputs = (replace(first, name="user_mood"), replace(second, version="old"), *rest)
    SnapshotMaker(tmp_path, np.arange(1, 40)).write(1, inputs=inputs)
    with pytest.raises(SnapshotError, match=r"besides: item_id \(computed by .*\), user_mood."):
        Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S)).load(1)


def test_a_held_snapshot_is_refused_unless_it_is_forced(loader, maker):
    maker.write(1, extra={"status": "held", "reason": "ranker.dense/a is not finite"})
    with pytest.raises(SnapshotError, match="1 was held by the gate: ranker.dense/a is not finite"):
        loader.load(1)
    assert loader.load(1, forced=True).version == 1


def test_an_item_whose_vector_is_not_finite_costs_only_itself(
    tmp_path, maker, catalogue, monkeypatch
):
    maker.write(1)
    whole = ServedNetwork.__call__

    def broken(network, inputs):
        vectors = np.array(whole(network, inputs))
        if len(vectors) == len(catalogue):
            vectors[3] = np.nan
        return vectors

    with monkeypatch.context() as patch:
        patch.setattr(ServedNetwork, "__call__", broken)
        model = Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S)).load(1)
    has = model.retriever.index.has(np.arange(len(catalogue)))
    assert np.flatnonzero(~has).tolist() == [3]
    assert model.retriever.index.refused == 1
    model.retriever.add(catalogue, np.array([3]), NOW_S)
    assert model.retriever.index.refused == 0


def counted_adds(monkeypatch):
    """How many rows each `ServedRetriever.add` computed."""
    added: list[int] = []
    add = ServedRetriever.add

    def counted(self, catalogue, rows, *rest):
        added.append(len(rows))
        return add(self, catalogue, rows, *rest)

    monkeypatch.setattr(ServedRetriever, "add", counted)
    return added


def test_where_the_item_tower_stayed_only_touched_items_are_computed_anew(
    tmp_path, maker, catalogue, monkeypatch
):
    maker.write(1)
    maker.write(2, parent=1)  # the same networks: of the tables every third id, one less, and id 0
    added = counted_adds(monkeypatch)
    loader = Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S))
    whole = loader.load(2)
    step = loader.load(2, base=loader.load(1))
    assert added[0] == len(ITEMS) and 0 < added[-1] <= len(ITEMS)
    rows = np.arange(len(ITEMS))
    one, other = whole.retriever.index.vectors(rows), step.retriever.index.vectors(rows)
    assert np.allclose(one, other, atol=1e-6)


def test_a_delta_that_touches_nothing_of_the_items_computes_none(
    tmp_path, maker, catalogue, monkeypatch
):
    maker.write(1)
    loader = Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S))
    base = loader.load(1)
    nothing = np.empty(0, np.int64)
    monkeypatch.setattr(maker, "_rows", lambda role, rng, is_delta: rows_of(maker, role, nothing))
    maker.write(2, parent=1)
    added = counted_adds(monkeypatch)
    model = loader.load(2, base=base)
    assert added == [0]
    rows = np.arange(len(ITEMS))
    before, after = base.retriever.index.vectors(rows), model.retriever.index.vectors(rows)
    assert np.array_equal(before, after)


def rows_of(maker, role, ids):
    """No rows of any table."""
    tables = {name: t for part in maker._splits[role] for name, t in part.tables.items()}
    return {
        name: TableRows(ids, np.zeros((0, table.width), np.float32), ids)
        for name, table in tables.items()
    }


def test_a_changed_item_tower_computes_all_items_with_pauses(
    tmp_path, maker, catalogue, monkeypatch
):
    maker.write(1)
    loader = Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S))
    base = loader.load(1)
    for weight in maker.towers.model.trainable_weights:
        weight.assign(weight * 1.5)
    maker.write(2, parent=1)
    slept: list[float] = []
    monkeypatch.setattr("serving.model.served.time.sleep", slept.append)
    added = counted_adds(monkeypatch)
    loader.load(2, base=base)
    assert added == [len(ITEMS)]
    assert len(slept) == 1 and slept[0] > 0


def scaled(maker, factor):
    """Other dense weights of both towers: every item has another vector."""
    for weight in maker.towers.model.trainable_weights:
        weight.assign(weight * factor)


def test_versions_share_a_retriever_until_its_interval_is_over(tmp_path, maker, catalogue):
    clock, rows = FakeClock(NOW_S), np.arange(30)
    for version, parent in ((1, None), (2, 1), (3, 2)):
        maker.write(version, parent, extra={"erased_through": 100.0 * version})
        scaled(maker, 1.5)
    loader = Loader(SnapshotReader(tmp_path), catalogue, clock, retriever_interval_s=60.0)
    first = loader.load(1)
    clock.advance(59.0)
    second = loader.load(2, first)
    assert second.retriever is first.retriever
    assert (second.version, second.retriever.manifest.version) == (2, 1)
    assert second.erased_through == 100.0  # the retriever is of before the erasure
    clock.advance(1.0)
    third = loader.load(3, second)
    whole = Loader(SnapshotReader(tmp_path), catalogue, clock).load(3)
    inputs = inputs_of(catalogue, rows)
    assert (third.retriever.manifest.version, third.erased_through) == (3, 300.0)
    for one, other in ((third, whole), (second, loader.load(2, exact=True))):
        scores = one.ranker.scores(inputs)["positive"], other.ranker.scores(inputs)["positive"]
        assert np.allclose(*scores, atol=1e-6)
    assert third.retriever.query_vector(inputs) == pytest.approx(
        whole.retriever.query_vector(inputs), abs=1e-6
    )
    vectors = third.retriever.index.vectors(rows), whole.retriever.index.vectors(rows)
    assert np.allclose(*vectors, atol=1e-6)


def test_a_version_that_was_chosen_or_is_older_has_its_own_retriever(tmp_path, maker, catalogue):
    maker.write(1)
    maker.write(2, parent=1)
    loader = Loader(
        SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S), retriever_interval_s=60.0
    )
    first = loader.load(1)
    assert loader.load(2, first, exact=True).retriever.manifest.version == 2
    assert loader.load(1, loader.load(2)).retriever.manifest.version == 1
    without = maker.write(3, 2, models={"ranker": MODELS["ranker"]}) and loader.load(3, first)
    assert without.retriever is None


def test_of_many_items_the_vectors_are_in_clusters(tmp_path, maker, catalogue):
    maker.write(1)
    few = Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S)).load(1).retriever
    indexing = IndexOptions(exact_below=len(ITEMS), share=1.0)
    loader = Loader(SnapshotReader(tmp_path), catalogue, FakeClock(NOW_S), indexing=indexing)
    many = loader.load(1).retriever
    assert (few.index.is_exact, many.index.is_exact) == (True, False)
    near = many.index._clusters.near(np.zeros(many.index.dim), len(ITEMS))
    assert sorted(near.tolist()) == list(range(len(ITEMS)))
    query = few.query_vector(inputs_of(catalogue, np.arange(30)))
    assert many.index.search(query, 9)[0].tolist() == few.index.search(query, 9)[0].tolist()


def test_probes_are_those_learnt_since_what_is_served(loader, maker):
    maker.write(1, extra={"probes": [["a", 1.0]]})
    maker.write(2, 1, extra={"probes": [["b", 2.0]]})
    maker.write(3, 2, extra={"probes": [["c", 3.0]]})
    assert loader.load(3).probes == {}
    assert loader.load(3, base=loader.load(1)).probes == {"b": 2.0, "c": 3.0}


def test_every_input_of_the_models_is_there(catalogue):
    assert {given.name for given in model_inputs()} <= inputs_of(catalogue, np.arange(2)).keys()
