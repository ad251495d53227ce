"""Candidates: sources, shares, and the search for what the user has not seen."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import bloom
from features.seen import DEFAULT_RULE
from serving.retrieval.candidates import merge, shares
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import Retrieval
from serving.retrieval.seen import FRESH, PERHAPS_SEEN, SEEN, seen_levels
from serving.retrieval.source import RetrievalRequest
from serving.users import StoredUser
from tests.support.serving_cases import NOW_S, FakeRetriever, catalogue_of


def filter_of(items):
    bits = np.zeros(bloom.BITS, np.uint8)
    for item in items:
        bits[list(bloom.bits_of(item))] = 1
    return np.packbits(bits).tobytes()


def retrieved(catalogue, wanted):
    return Retrieval(catalogue, Rankings(catalogue)).retrieve(wanted, StoredUser.unknown("u"))


@given(st.lists(st.lists(st.integers(0, 15), unique=True), min_size=1, max_size=4))
def test_a_merge_keeps_every_row_once_and_all_who_brought_it(found):
    sources = {f"source {n}": np.array(rows, np.int64) for n, rows in enumerate(found)}
    merged = merge(sources)
    assert merged.rows.tolist() == list(dict.fromkeys(row for rows in found for row in rows))
    for at, row in enumerate(merged.rows):
        assert merged.sources_of(at) == [name for name, rows in sources.items() if row in rows]


@given(st.integers(0, 1000), st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
def test_shares_add_up(total, weights):
    counts = shares(total, {str(n): weight for n, weight in enumerate(weights)})
    assert sum(counts.values()) == total
    assert min(counts.values()) >= 0


def test_popular_is_by_decayed_positives_and_recent_by_age():
    catalogue = catalogue_of(5)
    old, new = NOW_S - 30 * 86_400, NOW_S
    for item, popularity, at in (("4", 9.0, old), ("2", 5.0, new), ("3", 1.0, new)):
        columns = {"item_id": [item], "item_updated_at": [at], "item_popularity": [popularity]}
        catalogue.put(pa.table(columns))
    rankings, everything = Rankings(catalogue), np.ones(5, bool)
    assert rankings.popular(4, everything, NOW_S).tolist() == [2, 3, 4, 0]
    assert rankings.recent(3, everything, NOW_S).tolist() == [0, 1, 2]
    mask = np.array([False, True, False, True, True])
    assert rankings.popular(2, mask, NOW_S).tolist() == [3, 4]


def test_an_order_is_sorted_anew_only_after_its_time():
    catalogue = catalogue_of(2)
    rankings, everything = Rankings(catalogue, max_age_s=1.0), np.ones(2, bool)
    assert rankings.popular(1, everything, NOW_S).tolist() == [0]
    now = {"item_id": ["1"], "item_updated_at": [NOW_S], "item_popularity": [3.0]}
    catalogue.put(pa.table(now))
    assert rankings.popular(1, everything, NOW_S + 0.5).tolist() == [0]
    assert rankings.popular(1, everything, NOW_S + 1.0).tolist() == [1]


def test_seen_items_are_told_by_recency_and_by_either_filter():
    catalogue = catalogue_of(6)
    rows = np.arange(6)
    filters = [filter_of(["1", "2"]), None, filter_of(["4"])]
    user = StoredUser("u", {}, filters)
    levels = seen_levels(catalogue.to_be_seen(rows), np.array([2, 3]), user, DEFAULT_RULE, NOW_S)
    assert levels.tolist() == [FRESH, PERHAPS_SEEN, SEEN, SEEN, PERHAPS_SEEN, FRESH]


def test_the_filter_agrees_with_the_one_that_the_stream_writes():
    catalogue = catalogue_of(500)
    rows, stored = np.arange(500), filter_of(map(str, range(0, 400, 2)))
    user = StoredUser("u", {}, [stored])
    levels = seen_levels(
        catalogue.to_be_seen(rows), np.array([], np.int64), user, DEFAULT_RULE, NOW_S
    )
    assert np.array_equal(levels == PERHAPS_SEEN, bloom.contains(stored, catalogue.ids))


@pytest.mark.parametrize("with_retriever", [True, False])
def test_sources_are_asked_for_more_until_enough_is_fresh(with_retriever):
    catalogue = catalogue_of(300)
    seen = [str(n) for n in range(290)]
    user = StoredUser("u", StoredUser.unknown("u").raw, [filter_of(seen)])
    index = FakeRetriever.of(300).index if with_retriever else None
    query = index.vectors(np.array([0]))[0] if index else None
    allowed = np.ones(300, bool)
    wanted = RetrievalRequest(allowed, fresh=10, total=20, time_s=NOW_S, query=query, index=index)
    candidates, levels = Retrieval(catalogue, Rankings(catalogue)).retrieve(wanted, user)
    fresh = candidates.rows[levels == FRESH]
    expected = 300 - int(bloom.contains(user.filters[0], catalogue.ids).sum())
    assert len(fresh) >= min(10, expected) > 0
    assert set(fresh.tolist()) <= set(range(290, 300))


def test_a_user_who_has_seen_everything_gets_the_whole_catalogue_as_candidates():
    catalogue = catalogue_of(50)
    user = StoredUser("u", StoredUser.unknown("u").raw, [filter_of(catalogue.ids)])
    wanted = RetrievalRequest(np.ones(50, bool), fresh=10, total=20, time_s=NOW_S)
    candidates, levels = Retrieval(catalogue, Rankings(catalogue)).retrieve(wanted, user)
    assert sorted(candidates.rows.tolist()) == list(range(50))
    assert (levels == PERHAPS_SEEN).all()


def test_what_is_not_allowed_is_no_candidate():
    catalogue = catalogue_of(50)
    allowed = np.arange(50) % 5 == 0
    index = FakeRetriever.of(50).index
    wanted = RetrievalRequest(allowed, 40, 40, NOW_S, query=np.ones(4), index=index)
    candidates, _ = retrieved(catalogue, wanted)
    assert sorted(candidates.rows.tolist()) == list(range(0, 50, 5))


def test_an_empty_catalogue_has_no_candidates():
    catalogue = catalogue_of(0)
    wanted = RetrievalRequest(np.ones(0, bool), 5, 5, NOW_S)
    candidates, levels = retrieved(catalogue, wanted)
    assert len(candidates) == len(levels) == 0


def test_sources_that_do_not_know_the_newest_items_yet_are_not_asked_for_ever():
    """A ranking is of a moment ago; a catalogue that is being read grows by thousands a second."""
    catalogue = catalogue_of(3)
    rankings = Rankings(catalogue)
    wanted = RetrievalRequest(allowed=np.ones(3, bool), fresh=1, total=1, time_s=NOW_S)
    user = StoredUser.unknown("u")
    assert len(Retrieval(catalogue, rankings).retrieve(wanted, user)[0]) == 1  # rankings are made
    catalogue.put(pa.table({"item_id": [f"new-{n}" for n in range(20)]}))
    wanted = replace(wanted, allowed=np.ones(23, bool), fresh=20)
    found, _ = Retrieval(catalogue, rankings, {"popular": 1.0}).retrieve(wanted, user)
    assert 3 <= len(found) <= 23
