"""One contract for every source of candidates, and what each is there for."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from features import predecessors
from features.counter import counter_scores
from features.popularity import FAST, SLOW, popularity_now
from millstream.ids import id64_array
from millstream.settings import Settings, SourceName
from serving.retrieval.candidates import fuse
from serving.retrieval.followers import MOST
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import SHARES, Retrieval
from serving.retrieval.source import RetrievalRequest
from serving.retrieval.sources import all_sources
from serving.users import Met, StoredUser
from tests.support.predecessors import BEFORE, put, with_predecessors
from tests.support.serving_cases import NOW_S, FakeRetriever, catalogue_of

COUNT = 30


@pytest.fixture
def catalogue(monkeypatch):
    found = catalogue_of(COUNT)
    with_predecessors(monkeypatch, found)
    put(found, "7", {"3": 2.0, "4": 5.0})
    put(found, "8", {"3": 4.0})
    put(found, "9", {"5": 1.0})
    meet(found, "ann", ["12", "7", "3"])
    meet(found, "bob", ["15", "14", "13", "4"])
    return found


def meet(catalogue, user_id, items, time_s=NOW_S):
    catalogue.meet(user_id, items, time_s)


def request(catalogue, recent=("3", "4"), allowed=None, query=True):
    index = FakeRetriever.of(COUNT).index
    return RetrievalRequest(
        np.ones(COUNT, bool) if allowed is None else allowed,
        fresh=5,
        total=20,
        time_s=NOW_S,
        query=index.vectors(np.array([0]))[0] if query else None,
        index=index,
        recent=id64_array(list(recent)),
        recent_rows=catalogue.rows(list(recent)),
    )


@pytest.mark.parametrize("name", get_args(SourceName))
def test_a_source_brings_allowed_rows_each_once_and_no_more_than_it_is_asked_for(catalogue, name):
    source = all_sources(catalogue, Rankings(catalogue))[name]
    allowed = np.arange(COUNT) % 4 != 1
    wanted = request(catalogue, allowed=allowed)
    every = source.find(wanted, COUNT)
    assert source.name == name
    assert len(every) == len(np.unique(every)) > 0
    assert allowed[every].all()
    for count in (0, 1, 2):
        assert source.find(wanted, count).tolist() == every[:count].tolist()


@pytest.mark.parametrize(
    "name",
    ["two_tower", "co_occurrence", "session_neighbours", "item_neighbours", "similar", "category"],
)
def test_a_source_that_has_nothing_to_go_by_brings_nothing(catalogue, name):
    source = all_sources(catalogue, Rankings(catalogue))[name]
    assert len(source.find(request(catalogue, recent=(), query=False), 5)) == 0


def test_followers_are_by_how_often_they_followed_the_newest_counting_most(catalogue):
    source = all_sources(catalogue, Rankings(catalogue))["co_occurrence"]
    # 7: 2 + 5 / 2 after 3 then 4; 8: 4. The other way round 7: 5 + 2 / 2; 8: 4 / 2.
    assert source.find(request(catalogue), 5).tolist() == [7, 8]
    put(catalogue, "8", {"3": 5.0})
    assert source.find(request(catalogue), 5).tolist() == [8, 7]
    assert source.find(request(catalogue, recent=("5",)), 5).tolist() == [9]


def test_neighbours_bring_what_they_met_next_to_the_newest_item_that_is_shared(catalogue):
    source = all_sources(catalogue, Rankings(catalogue))["session_neighbours"]
    # Ann shares the newest item: 7 stands beside it, 12 two steps away; of Bob's 13 is nearest.
    found = source.find(request(catalogue), 9).tolist()
    assert found[0] == 7 and sorted(found) == [7, 12, 13, 14, 15]
    assert [row for row in found if row > 12] == [13, 14, 15]
    catalogue.people.forget("ann")
    assert source.find(request(catalogue), 9).tolist() == [13, 14, 15]


def test_a_neighbour_fades_with_time(catalogue):
    source = all_sources(catalogue, Rankings(catalogue))["session_neighbours"]
    meet(catalogue, "old", ["20", "5"], NOW_S - 40 * 86_400)
    meet(catalogue, "new", ["21", "5"])
    assert source.find(request(catalogue, recent=("5",)), 9).tolist() == [21, 20]


def test_a_row_that_another_item_has_since_is_not_brought(catalogue):
    source = all_sources(catalogue, Rankings(catalogue))["session_neighbours"]
    catalogue.people.put("eve", id64_array(["gone", "5"]).tolist(), [11, 5], NOW_S)
    assert source.find(request(catalogue, recent=("5",)), 9).tolist() == []


def test_an_item_that_loses_a_predecessor_does_not_follow_it_any_more(catalogue):
    put(catalogue, "8", {"5": 1.0})
    assert catalogue.followers.of(id64_array(["3"]).tolist()).tolist() == [7]
    assert catalogue.followers.of(id64_array(["5"]).tolist()).tolist() == [8, 9]
    assert len(catalogue.followers) == 4


def test_rows_with_some_of_the_columns_of_predecessors_keep_the_others(catalogue):
    strengths = np.array([[9.0, 9.0, 0.0, 0.0]], np.float32)
    catalogue._put(catalogue.rows(["7"]), {BEFORE.events_column: strengths}, {})
    assert catalogue.followers.of(id64_array(["3"]).tolist()).tolist() == [7, 8]
    assert len(catalogue.followers) == 4


def test_the_index_of_followers_is_that_of_all_rows_after_any_updates(catalogue):
    rng = np.random.default_rng(0)
    for _ in range(200):
        before = rng.choice(6, rng.integers(0, 4), replace=False)
        put(catalogue, str(rng.integers(COUNT)), {f"{n}": 1.0 for n in before.tolist()})
    keys = catalogue.columns["item_before"].values.head(COUNT)
    for n in range(6):
        (key,) = id64_array([f"{n}"]).tolist()
        expected = np.flatnonzero((keys == key).any(axis=1)).tolist()
        assert catalogue.followers.of([key]).tolist() == expected


def test_of_an_item_that_all_had_met_those_that_follow_it_most_are_kept(monkeypatch):
    found = catalogue_of(3 * MOST)
    with_predecessors(monkeypatch, found)
    chance = np.random.default_rng(0)
    strengths = chance.permutation(3 * MOST) + 1.0
    for number, strength in enumerate(strengths.tolist()):
        put(found, str(number), {"3": strength})
    (key,) = id64_array(["3"]).tolist()
    kept = found.followers.of([key]).tolist()
    assert MOST <= len(kept) <= 2 * MOST
    assert set(np.argsort(-strengths)[:MOST].tolist()) <= set(kept)
    # What has faded for as many half-lives as its strength doubled is weaker than what is new.
    weakest = int(strengths.argmin())
    put(found, str(weakest), {"3": strengths.max() + 1})
    for number in chance.permutation(3 * MOST).tolist():
        put(found, str(number), {"3": strengths.max()}, NOW_S - 20 * BEFORE.half_life_s)
    assert weakest in found.followers.of([key])


def test_what_a_source_lacks_of_its_share_others_bring(catalogue):
    retrieval = Retrieval(catalogue, Rankings(catalogue), {"co_occurrence": 0.5, "recent": 0.5})
    found = retrieval.found(request(catalogue), 20)
    assert len(found["co_occurrence"]) == 2
    assert len(found["recent"]) == 18


def test_a_limit_holds_until_a_list_would_run_short(catalogue):
    limited = Retrieval(catalogue, Rankings(catalogue), {"recent": 1.0}, {"recent": 6})
    wanted = request(catalogue)
    assert len(limited.found(wanted, 20)["recent"]) == 6
    seen = {**StoredUser.unknown("u").raw, "user_recent_items": [str(n) for n in range(6)]}
    candidates, levels = limited.retrieve(wanted, StoredUser("u", seen))
    assert np.count_nonzero(levels == 0) >= 5 < len(candidates)


def test_a_source_without_a_share_is_not_asked(catalogue):
    retrieval = Retrieval(catalogue, Rankings(catalogue), {"recent": 1.0, "popular": 0.0})
    assert [*retrieval.found(request(catalogue), 9)] == ["recent"]


def test_what_several_sources_place_high_stands_first():
    found = {"a": np.array([5, 3, 1]), "b": np.array([3, 1])}
    fused = fuse(found, {"a": 0.5, "b": 0.5})
    assert fused.rows.tolist() == [3, 1, 5]
    assert fused.sources_of(0) == ["a", "b"]
    assert fuse(found, {"a": 0.9, "b": 0.001}).rows.tolist() == [5, 3, 1]


def test_the_settings_choose_the_same_shares_as_the_code_and_refuse_other_sources():
    assert Settings(_env_file=None).retrieval_sources == SHARES
    with pytest.raises(ValueError, match="retrieval_sources"):
        Settings(_env_file=None, retrieval_sources={"oracle": 1.0})


@pytest.mark.parametrize("shares", [{}, {"recent": 0.0}, {"recent": "inf"}, {"recent": "nan"}])
def test_shares_of_which_no_list_can_be_made_are_refused_at_start(shares):
    with pytest.raises(ValueError, match="retrieval_sources"):
        Settings(_env_file=None, retrieval_sources=shares)


def test_the_best_counter_is_co_occurrence_backed_off_to_popularity(catalogue):
    features = catalogue.as_of(np.arange(COUNT), NOW_S)
    features[FAST], features[SLOW] = np.arange(COUNT) * 1.0, np.ones(COUNT)
    share = popularity_now(features) / popularity_now(features).sum()
    follow = {"3": {7: 2.0, 8: 4.0}, "4": {7: 5.0}}
    expected = np.zeros(COUNT)
    for weight, item in ((1.0, "3"), (0.5, "4")):
        counts = np.zeros(COUNT)
        counts[[*follow[item]]] = [*follow[item].values()]
        expected += weight * (counts + 10.0 * share) / (counts.sum() + 10.0)
    found = counter_scores(features, id64_array(["3", "4"]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(
        counter_scores(features, np.zeros(0, np.int64)), popularity_now(features)
    )


@pytest.mark.parametrize(("fading", "count"), [(0.5, 5), (0.9, 8), (1.0, 8)])
def test_items_met_last_count_until_they_weigh_a_twentieth_and_eight_at_most(
    monkeypatch, fading, count
):
    monkeypatch.setattr(predecessors, "PREDECESSORS", replace(BEFORE, fading=fading))
    found = predecessors.latest(np.arange(20))
    assert found.tolist() == list(range(count))
    assert fading ** (count - 1) >= 0.05


def test_what_a_worker_alone_knows_comes_before_what_the_row_says():
    raw = {**StoredUser.unknown("u").raw, "user_recent_items": ["c", "b"]}
    assert StoredUser("u", raw, met=tuple(map(Met, "bcde"))).newest == ["e", "d", "c", "b"]
    assert StoredUser("u", raw, met=tuple(map(Met, "ac"))).newest == ["c", "b"]
    assert StoredUser("u", raw, met=(Met("x"),)).newest == ["x", "c", "b"]


def test_fused_scores_are_summed_source_by_source_to_the_bit():
    rng = np.random.default_rng(5)
    found = {name: rng.permutation(40)[:count] for name, count in (("a", 30), ("b", 25), ("c", 0))}
    weights = {"a": 0.3, "b": 0.5, "c": 0.2}
    scores, first = {}, {}
    for name, rows in found.items():
        for rank, row in enumerate(rows.tolist()):
            scores[row] = scores.get(row, 0.0) + weights[name] / (60.0 + rank)
            first.setdefault(row, len(first))
    expected = sorted(scores, key=lambda row: (-scores[row], first[row]))
    fused = fuse(found, weights)
    assert fused.rows.tolist() == expected
    for place, row in enumerate(expected):
        assert fused.sources_of(place) == [name for name in found if row in found[name]]


def test_people_are_asked_once_however_many_want_to_know(catalogue, monkeypatch):
    wanted, asked = request(catalogue), []
    follow_ups = catalogue.people.follow_ups

    def noted(*given):
        asked.append(given)
        return follow_ups(*given)

    monkeypatch.setattr(catalogue.people, "follow_ups", noted)
    first, second = (wanted.follow_ups(catalogue.people) for _ in range(2))
    assert first is second
    assert len(asked) == 1
    assert len(first.keys)
