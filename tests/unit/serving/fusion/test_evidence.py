"""Evidence on candidates: each column says what it is called after, and none is ever NaN."""

import numpy as np
import pyarrow as pa
import pytest

from features.counter import counter_scores
from features.predecessors import PREDECESSORS
from millstream.ids import id64_array
from serving.fusion.evidence import COLUMNS, COUNTS, Moment, evidence
from serving.retrieval.candidates import Candidates
from serving.retrieval.source import RetrievalRequest
from tests.support.serving_cases import NOW_S, FakeRetriever, catalogue_of

COUNT = 12


def given(catalogue, recent=(), index=None, query=None, scores=None):
    """Evidence on all items, by column."""
    keys = id64_array(list(recent))
    wanted = RetrievalRequest(np.ones(COUNT, bool), 5, COUNT, NOW_S, query, index, keys)
    rows = np.arange(COUNT)
    candidates = Candidates(rows, ("recent",), np.ones((COUNT, 1), bool))
    features = catalogue.as_of(rows, NOW_S)
    scores = np.linspace(1.0, 0.0, COUNT) if scores is None else scores
    found = evidence(Moment(wanted, candidates, features), scores, catalogue)
    return dict(zip(COLUMNS, found.T, strict=True)), features


def with_counts(catalogue, **columns):
    table = {"item_id": [str(n) for n in range(COUNT)], "item_updated_at": np.full(COUNT, NOW_S)}
    catalogue.put(pa.table({**table, **columns}))
    return catalogue


def test_counts_scores_and_ranks():
    people = np.random.default_rng(0).permutation(COUNT).astype(np.float32)
    catalogue = with_counts(catalogue_of(COUNT), item_popularity=people)
    found, features = given(catalogue)
    assert found["ranker"] == pytest.approx(np.linspace(1.0, 0.0, COUNT))
    assert found["ranker_rank"] == pytest.approx(-np.log(np.arange(COUNT) + 2.0))
    assert np.argsort(-found["counter_rank"])[0] == people.argmax()
    shares = counter_scores(features, np.zeros(0, np.int64))
    assert found["counter"] == pytest.approx(np.log(shares / shares.sum() + 1e-6))
    for name in COUNTS:
        assert found[name] == pytest.approx(np.log(features[name] + 1e-2), rel=1e-5)


def test_what_followed_what_was_met_last():
    assert PREDECESSORS is not None
    name, events = PREDECESSORS.name, PREDECESSORS.events_column
    known = [["3"] if n == 5 else ["4", "3"] if n == 6 else [] for n in range(COUNT)]
    times = [[8.0] if n == 5 else [1.0, 2.0] if n == 6 else [] for n in range(COUNT)]
    catalogue = with_counts(
        catalogue_of(COUNT),
        **{name: known, events: pa.array(times, pa.list_(pa.float32()))},
    )
    found, _ = given(catalogue, recent=["3", "4"])
    assert found["follows_1"][[5, 6, 7]] == pytest.approx(np.log([8.01, 2.01, 0.01]), rel=1e-4)
    assert found["follows_2"][[5, 6]] == pytest.approx(np.log([0.01, 1.01]), rel=1e-4)
    assert found["follows_share_1"][5] == pytest.approx(8.0 / 20.0)


def test_the_retrievers_score_and_the_mean_where_there_is_no_vector():
    retriever = FakeRetriever.of(COUNT)
    retriever.index.drop(np.array([4]))
    query = np.ones(4, np.float32)
    found, _ = given(catalogue_of(COUNT), index=retriever.index, query=query)
    there = [n for n in range(COUNT) if n != 4]
    expected = retriever.index.vectors(np.array(there)) @ query
    assert found["retriever"][there] == pytest.approx(expected, rel=1e-5)
    assert found["retriever"][4] == pytest.approx(expected.mean(), rel=1e-5)


def test_votes_of_people_who_met_the_same():
    catalogue = catalogue_of(COUNT)
    keys = id64_array(["2", "7"]).tolist()
    catalogue.people.put("v", keys, [2, 7], NOW_S)
    found, _ = given(catalogue, recent=["7"])
    assert found["neighbours"].argmax() == 2
    assert found["neighbours_share"][3] == 0.0 < found["neighbours_share"][2]


def test_what_is_not_finite_is_no_evidence():
    catalogue = with_counts(catalogue_of(COUNT), item_popularity=np.full(COUNT, np.float32(np.nan)))
    found, _ = given(catalogue, scores=np.full(COUNT, np.nan))
    assert all(np.isfinite(column).all() for column in found.values())
