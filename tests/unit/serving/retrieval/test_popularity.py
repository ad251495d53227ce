"""What is popular now: the fast count where there is one, the slow one elsewhere."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from serving.recommend.query import Query
from serving.retrieval.popularity import FAST, SLOW, popularity_now
from serving.retrieval.rankings import Rankings
from tests.support.serving_cases import NOW_S, Case, catalogue_of

counts = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5000)), min_size=2, max_size=20)


@given(counts)
def test_after_a_silence_the_slow_count_orders(counted):
    slow = np.array([each[1] for each in counted], float)
    found = popularity_now({FAST: np.zeros(len(slow)), SLOW: slow})
    assert np.argsort(-found, kind="stable").tolist() == np.argsort(-slow, kind="stable").tolist()


@given(counts)
def test_much_evidence_decides_and_of_the_same_the_slow_count_does(counted):
    fast, slow = (np.array(each, float) for each in zip(*counted, strict=True))
    found = popularity_now({FAST: 1_000.0 * fast, SLOW: slow})
    order = np.argsort(-found, kind="stable").tolist()
    assert order == np.lexsort((-slow, -fast)).tolist()


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
