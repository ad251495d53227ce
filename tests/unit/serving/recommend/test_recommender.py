"""A list from question to answer, with everything there and with parts of it gone."""

import asyncio
import threading
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from millstream.events import Interaction
from serving.catalogue.filters import Filters
from serving.fusion.fusion import LEAST_QUESTIONS
from serving.recommend.query import Query
from serving.users import StoredUser
from tests.support.serving_cases import NOW_S, Case, FakeModel, FakeRetriever, upsert

UNKNOWN = StoredUser.unknown("").raw


def ids(answer):
    return [item.item_id for item in answer.items]


async def test_the_list_is_the_ranking_of_the_candidates():
    case = Case(count=20)
    answer = await case.recommender.recommend(Query("u", 5))
    assert ids(answer) == ["0", "1", "2", "3", "4"]  # the fake ranker likes what is new
    assert [item.position for item in answer.items] == [0, 1, 2, 3, 4]
    assert (answer.model_version, answer.degraded) == ("7", [])
    assert "recent" in answer.items[0].sources


async def test_what_is_learnt_from_questions_orders_a_list_and_scores_stay_the_rankers():
    people = np.random.default_rng(1).permutation(20).astype(np.float32)
    counts = pa.table(
        {
            "item_id": [str(number) for number in range(20)],
            "item_updated_at": np.full(20, NOW_S),
            "item_popularity": people,
        }
    )
    case = Case(count=20)
    case.catalogue.put(counts)
    by_ranker = (await case.recommender.recommend(Query("u", 20))).items
    for _ in range(2 * LEAST_QUESTIONS):  # people choose what is popular
        found = await case.recommender.stages(StoredUser.unknown("u"))
        assert found.evidence is not None
        case.fusion.learn(found.evidence, int(people[found.unseen].argmax()))
    assert case.fusion.is_better
    fused = (await case.recommender.recommend(Query("u", 20))).items
    assert fused[0].item_id == str(people.argmax()) != by_ranker[0].item_id
    assert [item.score for item in fused] == [item.score for item in by_ranker]
    own = next(item.score for item in by_ranker if item.item_id == fused[0].item_id)
    assert fused[0].task_scores["positive"] == own
    stages = (await case.recommender.stages(StoredUser.unknown("u"))).lists
    assert stages["fused"][0] == people.argmax()
    assert stages["ranked"].tolist() == [int(item.item_id) for item in by_ranker]
    assert stages["list"].tolist() == stages["fused"].tolist()


async def test_a_judgement_gives_way_to_lists_on_their_way():
    case, taken = Case(count=20), []
    expected = await case.recommender.stages(StoredUser.unknown("u"))
    making, read = case.recommender._making, case.users.read
    made, stages, answers = making.made, making.stages, asyncio.Event()

    async def slow_read(user_id):
        if user_id == "u":
            await answers.wait()
        return await read(user_id)

    def told(request):
        taken.append("list")
        return made(request)

    def steps(request):
        for found in stages(request):
            taken.append("step")
            yield found

    case.users.read, making.made, making.stages = slow_read, told, steps
    asked = asyncio.create_task(case.recommender.recommend(Query("u", 3)))
    await asyncio.sleep(0)  # it is on its way, and waits for the store
    judged = asyncio.create_task(case.recommender.stages(StoredUser.unknown("v")))
    await asyncio.sleep(0.01)
    assert not taken
    answers.set()
    await asked
    found = await judged
    assert taken == ["list"] + ["step"] * (len(taken) - 1)
    assert len(taken) > 4
    for name, rows in expected.lists.items():
        np.testing.assert_array_equal(found.lists[name], rows)


async def test_what_the_user_has_met_is_not_in_the_list():
    case = Case(count=20)
    case.users.raw["u"] = {"user_recent_items": ["0", "2"]}
    assert ids(await case.recommender.recommend(Query("u", 3))) == ["1", "3", "4"]


async def test_a_list_of_a_user_who_has_seen_all_is_full_and_says_so():
    case = Case(count=6)
    case.users.raw["u"] = {"user_recent_items": list("012345")}
    answer = await case.recommender.recommend(Query("u", 4))
    assert len(answer.items) == 4
    assert answer.degraded == ["all_seen"]


async def test_filters_exclusions_and_hidden_items_hold_whatever_the_list_lacks():
    case = Case(count=20)
    case.catalogue.upsert([upsert("3", categories=["category 0"], hidden=True)])
    query = Query("u", 20, filters=Filters(categories=["category 0"]), exclude=["0"])
    answer = await case.recommender.recommend(query)
    assert sorted(ids(answer)) == ["12", "15", "18", "6", "9"]


async def test_the_ranker_gets_one_user_and_one_row_for_each_candidate():
    case = Case(count=20)
    await case.recommender.recommend(Query("u", 5))
    inputs = case.model.ranker.inputs[0]
    assert inputs["user_id"].shape == inputs["hour_of_day"].shape == (1,)
    assert len(inputs["item_id"]) == len(inputs["category_affinity"]) == 20


async def test_a_store_that_is_gone_makes_the_user_unknown_and_is_left_alone_for_a_while():
    case = Case()
    case.users.is_gone = True
    for _ in range(3):
        answer = await case.recommender.recommend(Query("u", 5))
        assert (len(answer.items), answer.degraded) == (5, ["user_store"])
    assert case.users.reads == 3  # one that failed may be chance, three in a row are not
    assert "user_store" in (await case.recommender.recommend(Query("u", 5))).degraded
    assert case.users.reads == 3
    assert case.count("degraded_total", reason="user_store") == 4
    case.users.is_gone = False
    case.clock.advance(1.0)
    assert (await case.recommender.recommend(Query("u", 5))).degraded == []


async def test_a_store_that_is_slow_is_not_waited_for():
    case = Case(budget_s=0.05)

    async def slow(user_id):
        await asyncio.sleep(10)

    case.users.read = slow
    assert "user_store" in (await case.recommender.recommend(Query("u", 5))).degraded


async def test_a_store_is_not_blamed_for_a_worker_that_was_too_busy_to_hear_its_answer():
    case = Case(budget_s=0.05)
    read = case.users.read

    async def answered_while_the_loop_was_busy(user_id):
        asyncio.get_running_loop().call_soon(time.sleep, 0.1)
        await asyncio.sleep(10)

    case.users.read = answered_while_the_loop_was_busy
    assert "user_store" in (await case.recommender.recommend(Query("u", 5))).degraded
    case.users.read = read
    assert "user_store" not in (await case.recommender.recommend(Query("u", 5))).degraded


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        (None, ["model"]),
        (FakeModel(ranker=None, retriever=FakeRetriever.of(60)), ["ranker"]),
        (FakeModel(retriever=None), ["retriever"]),
    ],
)
async def test_a_part_that_is_missing_is_done_without(model, reasons):
    case = Case()
    case.model = model
    answer = await case.recommender.recommend(Query("u", 10))
    assert (len(answer.items), answer.degraded) == (10, reasons)
    assert answer.model_version == ("7" if model else "")


async def test_a_model_that_fails_is_done_without():
    case = Case()
    case.model.ranker.fails = case.model.retriever.fails = True
    answer = await case.recommender.recommend(Query("u", 10))
    assert (len(answer.items), answer.degraded) == (10, ["retriever", "ranker"])


async def test_too_many_requests_at_once_get_lists_that_cost_little_without_what_was_seen():
    case = Case(count=20, most_in_flight=2)
    case.users.raw["u"] = {"user_recent_items": ["0", "1"]}
    release = asyncio.Event()
    read = case.users.read

    async def slow(user_id):
        await release.wait()
        return await read(user_id)

    case.users.read = slow
    waiting = [asyncio.create_task(case.recommender.recommend(Query("u", 10))) for _ in range(2)]
    await asyncio.sleep(0)
    case.users.read = read
    shed = await case.recommender.recommend(Query("u", 10))
    assert (len(shed.items), shed.degraded, shed.model_version) == (10, ["overload"], "")
    assert not {"0", "1"} & set(ids(shed))
    release.set()
    assert [answer.degraded for answer in await asyncio.gather(*waiting)] == [[], []]
    assert (await case.recommender.recommend(Query("u", 10))).degraded == []


async def test_between_two_lists_that_cost_little_the_loop_sees_who_else_has_come(monkeypatch):
    case, turn, made_in = Case(count=20, most_in_flight=0), 0, []
    plain = case.recommender._making.plain

    def noted(request):
        made_in.append(turn)
        return plain(request)

    monkeypatch.setattr(case.recommender._making, "plain", noted)
    asked = [asyncio.create_task(case.recommender.recommend(Query("u", 5))) for _ in range(5)]
    while not all(task.done() for task in asked):
        turn += 1
        await asyncio.sleep(0)
    assert len(set(made_in)) == len(asked)


async def test_what_a_request_has_waited_is_of_its_budget():
    case = Case(count=20, budget_s=60.0)
    assert (await case.recommender.recommend(Query("u", 5, waited_s=1.0))).degraded == []
    assert (await case.recommender.recommend(Query("u", 5, waited_s=60.0))).degraded == ["budget"]


@pytest.mark.parametrize("options", [{}, {"most_in_flight": 0}, {"budget_s": 0.0}])
async def test_what_was_seen_stays_out_when_the_store_is_gone_as_far_as_the_worker_knows(options):
    case = Case(count=20, **options)
    read_before, posted = ["0", "1"], "2"
    case.remembered.read(StoredUser("u", {**UNKNOWN, "user_recent_items": read_before}))
    case.remembered.note(
        Interaction(event_id="e", event_time=NOW_S, user_id="u", item_id=posted, kind="click")
    )
    case.users.is_gone = True
    answer = await case.recommender.recommend(Query("u", 10))
    assert "user_store" in answer.degraded
    assert len(answer.items) == 10
    assert not {*read_before, posted} & set(ids(answer))


async def test_what_a_user_met_a_moment_ago_is_seen_before_the_store_has_it():
    case = Case(count=20)
    case.remembered.note(
        Interaction(event_id="e", event_time=NOW_S, user_id="u", item_id="0", kind="click")
    )
    assert ids(await case.recommender.recommend(Query("u", 3))) == ["1", "2", "3"]
    assert ids(await case.recommender.recommend(Query("another", 3))) == ["0", "1", "2"]


async def test_a_ranker_that_takes_too_long_is_not_waited_for_and_holds_up_nobody():
    case = Case(count=20, budget_s=0.1)
    case.users.raw["u"] = {"user_recent_items": ["0"]}
    is_let_go = threading.Event()
    case.model.ranker.scores = lambda inputs: is_let_go.wait(30)
    asked = asyncio.create_task(case.recommender.recommend(Query("u", 5)))
    await asyncio.sleep(0)  # the loop goes on: nothing of this test waits for the ranker
    answer = await asked
    is_let_go.set()
    assert (len(answer.items), answer.degraded) == (5, ["budget"])
    assert "0" not in ids(answer)


@pytest.mark.parametrize("diversity", ["dpp", "mmr"])
async def test_the_search_for_variety_ends_with_the_budget_and_the_list_is_full(diversity):
    case = Case(count=60, budget_s=10.0)
    rank = case.model.ranker.scores

    def slowly(inputs):
        plans = case.recommender._making._plans._plans
        plans[""] = replace(plans[""], options=replace(case.options, budget_s=0.0))  # it is over
        return rank(inputs)

    case.model.ranker.scores = slowly
    answer = await case.recommender.recommend(Query("u", 50, diversity=diversity))
    assert answer.degraded == ["budget"]
    assert ids(answer)[1:] == [str(n) for n in range(1, 50)]  # by score


async def test_scores_that_are_no_numbers_stand_behind_all_others_and_are_told():
    case = Case(count=20)
    rank = case.model.ranker.scores

    def some_are_none(inputs):
        scores = rank(inputs)
        scores["positive"][inputs["item_created_at"].argmax()] = np.nan
        scores["positive"][inputs["item_created_at"].argmin()] = np.inf
        return scores

    case.model.ranker.scores = some_are_none
    answer = await case.recommender.recommend(Query("u", 20))
    assert answer.degraded == ["ranker"]
    assert all(np.isfinite(item.score) for item in answer.items)
    assert len(set(ids(answer)[-2:])) == 2
    assert [item.score for item in answer.items[-2:]] == [0.0, 0.0]
    assert min(item.score for item in answer.items[:-2]) >= 0.0


async def test_a_ranker_and_a_query_without_a_single_number_count_as_failing():
    case = Case(count=20)
    case.model.ranker.scores = lambda inputs: {"positive": np.full(len(inputs["item_id"]), np.nan)}
    case.model.retriever.query_vector = lambda inputs: np.full(4, np.nan, np.float32)
    answer = await case.recommender.recommend(Query("u", 10))
    assert answer.degraded == ["retriever", "ranker"]
    assert [item.score for item in answer.items] == [0.0] * 10


async def test_a_budget_that_is_spent_leaves_ranking_out():
    case = Case(budget_s=0.0)
    answer = await case.recommender.recommend(Query("u", 10))
    assert len(answer.items) == 10
    assert "budget" in answer.degraded
    assert not case.model.ranker.inputs


async def test_an_empty_catalogue_gives_an_empty_list_and_logs_nothing():
    case = Case(count=0)
    answer = await case.recommender.recommend(Query("u", 10))
    assert answer.items == []
    assert case.logged == []


async def test_what_was_shown_is_logged_as_it_was_scored():
    case = Case(count=20)
    case.users.raw["u"] = {
        "user_updated_at": NOW_S - 3600,
        "user_events_1h": 8.0,
        "user_categories": ["category 1"],
        "user_category_events": [2.0],
        "user_category_positives": [1.0],
        "user_gender": "F",
    }
    answer = await case.recommender.recommend(Query("u", 3, context={"page": "home"}))
    (logged,) = case.logged
    assert (logged.request_id, logged.user_id) == (answer.request_id, "u")
    assert (logged.event_time, logged.context) == (NOW_S, {"page": "home"})
    assert logged.user_features["user_events_1h"] == pytest.approx(4.0)  # one half-life later
    assert logged.user_features["user_gender"] == "F"
    assert logged.user_features["user_categories"] == ["category 1"]
    assert isinstance(strengths := logged.user_features["user_category_events"], list)
    assert len(strengths) == 1
    shown = logged.items[0]
    assert shown.features["item_categories"] == ["category 0"]
    assert shown.features["item_created_at"] == NOW_S
    assert (shown.score, shown.propensity) == (answer.items[0].score, 1.0)


async def test_chance_gives_places_with_the_propensity_of_what_it_did():
    case = Case(exploration=0.5)
    answer = await case.recommender.recommend(Query("u", 10))
    order = [int(item.item_id) for item in answer.items]
    assert order != sorted(order)
    by_chance = [item for item in answer.items if item.propensity < 0.5]
    assert by_chance
    assert all(0 < item.propensity <= 1 for item in answer.items)


async def test_a_temperature_draws_places_by_their_scores_in_place_of_a_share():
    case = Case(exploration=1.0, temperature=0.1)
    answer = await case.recommender.recommend(Query("u", 10))
    order = [int(item.item_id) for item in answer.items]
    assert len(set(order)) == 10
    assert order != sorted(order)
    assert all(0 < item.propensity < 1 for item in answer.items)


@pytest.mark.parametrize("diversity", ["none", "mmr", "dpp"])
async def test_a_temperature_near_nothing_gives_the_list_as_it_was_arranged(diversity):
    query = Query("u", 10, diversity=diversity)
    arranged = await Case().recommender.recommend(query)
    cold = await Case(temperature=1e-9).recommender.recommend(query)
    assert ids(cold) == ids(arranged)
    assert [item.propensity for item in cold.items] == pytest.approx([1.0] * 10)


@pytest.mark.parametrize("diversity", ["mmr", "dpp"])
async def test_a_request_chooses_its_diversity(diversity):
    case = Case()
    plain = await case.recommender.recommend(Query("u", 10))
    diverse = await case.recommender.recommend(Query("u", 10, diversity=diversity))
    assert len(set(ids(diverse))) == 10
    assert ids(plain) != ids(diverse)


async def test_titles_that_are_almost_the_same_share_one_place():
    case = Case(count=20)
    title = "The very same film of that year"
    case.catalogue.upsert([upsert("0", title=title), upsert("1", title=title.upper())])
    answer = await case.recommender.recommend(Query("u", 5))
    assert len({"0", "1"} & set(ids(answer))) == 1


async def test_new_items_with_the_same_vector_are_not_taken_for_near_duplicates():
    case = Case(count=20)
    case.model.retriever.index.put(np.arange(20), np.ones((20, 4), np.float32))
    assert ids(await case.recommender.recommend(Query("u", 5))) == ["0", "1", "2", "3", "4"]


async def test_met_items_whose_vectors_lie_in_a_narrow_cone_are_not_taken_for_near_duplicates():
    case = Case(count=20)
    met = {"item_id": case.catalogue.ids, "item_updated_at": [NOW_S] * 20}
    case.catalogue.put(pa.table(met))
    apart = np.random.default_rng(5).normal(size=(20, 4))
    case.model.retriever.index.put(np.arange(20), (100.0 + apart).astype(np.float32))
    assert ids(await case.recommender.recommend(Query("u", 5))) == ["0", "1", "2", "3", "4"]


async def test_what_the_caller_says_was_met_last_is_not_shown_and_is_a_feature():
    case = Case(count=10)
    query = Query("u", 5, recent_items=["0", "3"], request_id="r")
    made = await case.recommender.recommend(query)
    assert made.request_id == "r"
    assert not {"0", "3"} & {item.item_id for item in made.items}
    assert made.user_features["user_recent_items"] == ["0", "3"]


async def test_what_the_session_of_a_user_met_is_not_shown_to_them_either():
    case = Case(count=10)
    case.users.raw["session:abc"] = {"user_recent_items": ["2", "4"]}
    query = Query("u", 10, recent_items=["1"], session_user="session:abc")
    made = await case.recommender.recommend(query)
    assert made.user_features["user_recent_items"] == ["1", "2", "4"]
    case.users.is_gone = True
    assert (await case.recommender.recommend(query)).items
