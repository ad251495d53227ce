"""What is popular now: the fast count where there is one, the slow one elsewhere."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.popularity import FAST, SLOW, popularity_now, prior_weight
from serving.recommend.query import Query
from serving.retrieval.rankings import Rankings
from tests.support.serving_cases import NOW_S, Case, catalogue_of

counts = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5000)), min_size=2, max_size=20)


@given(counts)
def test_after_a_silence_the_slow_count_orders(counted):
    slow = np.array([each[1] for each in counted], float)
    found = popularity_now({FAST: np.zeros(len(slow)), SLOW: slow})
    assert np.argsort(-found, kind="stable").tolist() == np.argsort(-slow, kind="stable").tolist()


@given(counts)
def test_what_both_counts_prefer_is_preferred(counted):
    fast, slow = (np.array(each, float) for each in zip(*counted, strict=True))
    found = popularity_now({FAST: fast, SLOW: slow})
    both = (fast[:, None] > fast) & (slow[:, None] > slow)
    assert (found[:, None] > found)[both].all()


def test_the_fast_count_decides_where_it_says_more_than_chance_and_only_there():
    rng, slow = np.random.default_rng(5), np.linspace(1.0, 200.0, 300)
    share = slow / slow.sum()
    by_chance = rng.multinomial(400, share) / 2.0
    new_taste = rng.multinomial(400, share[::-1]) / 2.0
    found = popularity_now({FAST: by_chance, SLOW: slow})
    assert np.corrcoef(found, slow)[0, 1] > 0.95 > np.corrcoef(by_chance, slow)[0, 1]
    found = popularity_now({FAST: new_taste, SLOW: slow})
    assert np.corrcoef(found, new_taste)[0, 1] > 0.95


def test_the_weight_of_the_slow_count_is_the_concentration_that_was_planted():
    rng = np.random.default_rng(6)
    mean = rng.dirichlet(np.ones(2_000))
    shares = rng.dirichlet(800.0 * mean)  # a decayed count of n stands for 2 n draws
    assert prior_weight(rng.multinomial(40_000, shares) / 2.0, mean) == pytest.approx(400, rel=0.15)


def put(catalogue, item, fast, slow):
    columns = {"item_id": [item], "item_updated_at": [NOW_S], FAST: [fast], SLOW: [slow]}
    catalogue.put(pa.table(columns))


def test_what_is_trending_stands_before_what_was_popular_until_it_is_past():
    catalogue, everything = catalogue_of(3), np.ones(3, bool)
    put(catalogue, "1", 5.0, 50.0)
    put(catalogue, "2", 40.0, 40.0)
    rankings = Rankings(catalogue)
    assert rankings.popular(2, everything, NOW_S).tolist() == [1, 2]
    assert rankings.trending(2, everything, NOW_S).tolist() == [2, 1]
    tomorrow = NOW_S + 86_400
    assert rankings.trending(2, everything, tomorrow).tolist() == [1, 2]


async def test_a_list_without_a_model_is_ordered_by_what_is_popular_now():
    case = Case(count=20)
    case.model = None
    put(case.catalogue, "11", 1.0, 400.0)
    put(case.catalogue, "12", 30.0, 90.0)
    answer = await case.recommender.recommend(Query("u", 3))
    assert [item.item_id for item in answer.items[:2]] == ["12", "11"]
    assert answer.degraded == ["model"]
