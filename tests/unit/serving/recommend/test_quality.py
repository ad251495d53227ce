"""Lists that are asked before a positive is told, and what is counted of them."""

import asyncio
from math import log2

import pytest

from millstream.events import Interaction
from serving.metrics import JUDGED
from serving.recommend.quality import ListQuality
from serving.users import StoredUser
from tests.support.serving_cases import NOW_S, Case


def click(item, kind="click", is_probe=False):
    return Interaction(
        event_id="e", event_time=NOW_S, user_id="u", item_id=item, kind=kind, is_probe=is_probe
    )


def quality_of(case, every_s=1.0, ask=None, **more):
    return ListQuality(
        ask or case.recommender.stages,
        case.remembered.user,
        case.catalogue,
        case.metrics,
        case.clock,
        case.fusion,
        case.diversity,
        every_s,
        **more,
    )


async def asked(quality, *events):
    for event in events:
        quality.note(event)
    await quality.settled()


async def test_the_right_answer_counts_by_its_place_in_each_stage():
    case = Case(count=40)
    case.users.raw["u"] = {"user_recent_items": ["0"]}
    await asked(quality_of(case), click("3"))  # the fake ranker likes what is new; 0 was met
    assert case.count("list_questions_total") == 1
    for stage in ("ranked", "list", "recent"):
        assert case.count("list_hits_total", stage=stage) == 1
        assert case.count("list_gains_total", stage=stage) == pytest.approx(1 / log2(2 + 2))


async def test_an_answer_beyond_the_list_is_a_question_without_a_hit():
    case = Case(count=40)
    await asked(quality_of(case), click("35"))
    assert case.count("list_questions_total") == 1
    assert case.count("list_hits_total", stage="list") == 0


async def test_nothing_is_asked_while_requests_need_the_time_and_then_at_once():
    case, busy = Case(count=40), [True]
    quality = quality_of(case, is_busy=lambda: busy[0])
    await asked(quality, click("3"))
    assert case.count("list_questions_total") == 0
    busy[0] = False
    await asked(quality, click("3"))
    assert case.count("list_questions_total") == 1


async def test_nothing_is_shown_logged_or_drawn_for_a_question():
    case = Case(count=40, exploration=1.0)
    before = case.recommender._making._rng.bit_generator.state
    await asked(quality_of(case), click("3"))
    assert case.logged == []
    assert case.recommender._making._rng.bit_generator.state == before
    assert case.count("candidates_total", source="recent") == 0


@pytest.mark.parametrize(
    "event", [click("3", kind="skip"), click("nowhere"), click("3", is_probe=True)]
)
async def test_only_positives_of_items_that_can_be_shown_are_questions(event):
    case = Case(count=40)
    await asked(quality_of(case), event)
    assert case.count("list_questions_total") == 0


async def test_what_the_user_has_met_before_is_no_question():
    case, other = Case(count=40), Case(count=40)
    case.users.raw["u"] = {"user_recent_items": ["3"]}
    await asked(quality_of(case), click("3"))
    other.remembered.note(click("3"))
    await asked(quality_of(other), click("3"))
    assert case.count("list_questions_total") == other.count("list_questions_total") == 0


async def test_what_is_said_that_a_user_met_right_before_counts_as_met_and_as_newest():
    case, asked_of = Case(count=40), []

    async def ask(user, recent):
        asked_of.append(recent)
        return await case.recommender.stages(user, recent)

    quality = quality_of(case, ask=ask)
    quality.note(click("3"), ["3", "5"])
    assert quality._asking is None, "it was met"
    quality.note(click("3"), ["5", "0"])
    await quality.settled()
    assert asked_of == [["5", "0"]] and case.count("list_questions_total") == 1
    found = await case.recommender.stages(case.remembered.user("u"), ["5", "0"])
    assert {int(case.catalogue.rows([item])[0]) for item in ("5", "0")} <= found.seen


async def test_questions_keep_their_distance_and_none_is_asked_at_zero():
    case = Case(count=40)
    quality = quality_of(case, every_s=2.0)
    for _ in range(5):
        await asked(quality, click("3"))
        case.clock.advance(0.9)
    assert case.count("list_questions_total") == 2
    await asked(quality_of(case, every_s=0.0), click("4"))
    assert case.count("list_questions_total") == 2


async def test_a_list_that_cannot_be_made_hurts_nobody():
    case = Case(count=40)
    case.users.is_gone = True
    quality = quality_of(case)
    await asked(quality, click("3"))
    assert case.count("list_questions_total") == 0
    assert isinstance(quality._asking, asyncio.Task)


def test_every_stage_begins_at_zero():
    case = Case(count=1)
    samples = case.metrics.registry.get_sample_value
    for stage in JUDGED:
        assert samples("millstream_serving_list_hits_total", {"stage": stage}) == 0.0


async def test_the_order_of_lists_learns_from_a_question_once_it_is_answered():
    case = Case(count=400)
    await asked(quality_of(case), click("3"))
    assert case.fusion.model.questions == 1
    brought = (await case.recommender.stages(StoredUser.unknown("u"))).unseen
    nobody_brought = next(row for row in range(400) if row not in brought)
    await asked(quality_of(case), click(str(nobody_brought)))
    assert (case.count("list_questions_total"), case.fusion.model.questions) == (2, 1)


async def test_without_a_ranker_there_is_nothing_to_fuse():
    case = Case(count=40)
    case.model = None
    await asked(quality_of(case), click("3"))
    assert (case.count("list_questions_total"), case.fusion.model.questions) == (1, 0)
