"""Placements: each has sources, filters, rules and a seen policy of its own."""

from dataclasses import replace

import pytest

from millstream.domain import domain
from millstream.domain.placements import Placement
from millstream.events import Interaction
from millstream.settings import Settings
from serving.catalogue.filters import Filters, Range
from serving.recommend.options import ListOptions
from serving.recommend.query import Query
from tests.support.serving_cases import NOW_S, Case


def case_of(**said):
    """A case with one placement, `home`; items are the better the lower their number."""
    own = ListOptions(candidates=30, diversity="none", budget_s=10.0)
    return Case(count=60, placements={"home": own.changed(domain(), Placement(**said))})


async def shown(case, k=10, **query):
    return await case.recommender.recommend(Query("u", k, placement="home", **query))


def ids(answer):
    return [item.item_id for item in answer.items]


async def test_sources_are_those_of_the_placement():
    answer = await shown(case_of(sources={"recent": 1.0}))
    assert {source for item in answer.items for source in item.sources} == {"recent"}


async def test_its_conditions_hold_beside_those_of_the_request():
    case = case_of(groups=["category 0", "category 1"], exclude_groups=["category 1"], max_age=30)
    found = ids(
        await shown(case, k=60, filters=Filters(ranges={"created_at": Range(None, NOW_S - 5)}))
    )
    assert found == [str(n) for n in range(60) if n % 3 == 0 and 5 <= n <= 30]


@pytest.mark.parametrize("exploration", [0.0, 1.0])
async def test_no_group_has_more_than_its_places_even_by_chance(exploration):
    case = case_of(most_per_group=2, exploration=exploration)
    found = ids(await shown(case, k=6))
    assert sorted(int(item) % 3 for item in found) == [0, 0, 1, 1, 2, 2]
    assert (found == [str(n) for n in range(6)]) == (exploration == 0.0)


async def test_what_is_too_much_of_a_group_fills_a_list_that_would_be_short():
    found = ids(await shown(case_of(most_per_group=1), k=5))
    assert found == ["0", "1", "2", "3", "4"]


SEEN = [str(n) for n in range(58)]


@pytest.mark.parametrize(
    ("goes", "expected"),
    [
        ("behind", ["58", "59", "0", "1"]),
        ("out", ["58", "59"]),
        ("off", ["0", "1", "2", "3"]),
    ],
)
async def test_what_is_seen_goes_where_the_placement_says(goes, expected):
    case = case_of(seen=goes, candidates=60)
    case.users.raw["u"] = {"user_recent_items": SEEN}
    answer = await shown(case, k=4)
    assert ids(answer) == expected
    assert answer.degraded == (["all_seen"] if goes == "behind" else [])


async def test_only_the_kinds_of_the_placement_make_an_item_seen():
    case = case_of(seen="out", seen_kinds=["purchase"], seen_for="1h")
    case.users.raw["u"] = {"user_recent_items": ["0", "1"]}
    for item, kind, age_s in (
        ("2", "purchase", 60.0),
        ("3", "click", 60.0),
        ("4", "purchase", 1e5),
    ):
        case.remembered.note(
            Interaction(
                event_id=item, event_time=NOW_S - age_s, user_id="u", item_id=item, kind=kind
            )
        )
    assert ids(await shown(case, k=5, recent_items=["5"])) == ["0", "1", "3", "4", "5"]


async def test_the_log_and_the_metrics_name_it():
    case = case_of(k=3)
    await shown(case)
    await case.recommender.recommend(Query("u", 5))
    assert [each.placement for each in case.logged] == ["home", ""]
    assert case.options.at("home").k == 3
    assert case.count("lists_total", placement="home") == 1
    assert case.count("lists_total", placement="default") == 1
    with pytest.raises(KeyError):
        await case.recommender.recommend(Query("u", 5, placement="hmoe"))


def test_a_placement_called_default_is_that_of_requests_that_name_none():
    declared = domain().model_copy(update={"placements": {"default": Placement(k=4)}})
    chosen = ListOptions.of(Settings(_env_file=None), declared)
    assert chosen.at("").k == chosen.at("default").k == 4
    assert ListOptions.of(Settings(_env_file=None), domain()).at("").k == 10


def test_what_a_placement_leaves_out_is_as_the_settings_say():
    settings = Settings(
        _env_file=None, exploration=0.3, exploration_temperature=0.2, diversity="dpp"
    )
    own = ListOptions.of(settings, domain())
    for said, name, expected in (
        ({}, "diversity", "dpp"),
        ({"diversity": "none"}, "diversity", "none"),
        ({}, "temperature", 0.2),
        ({"exploration": 0.0}, "temperature", None),
        ({"exploration": 0.0}, "exploration", 0.0),
        ({"diversity_strength": 0.0}, "diversity_strength", 0.0),
        ({"candidates": 7}, "candidates", 7),
        ({}, "sources", own.sources),
    ):
        assert getattr(own.changed(domain(), Placement(**said)), name) == expected, said


def only_odd(order, candidates):
    return order[candidates.features["item_created_at"][order] % 2 == NOW_S % 2][::-1]


def broken(order, candidates):
    raise RuntimeError("of the project")


async def test_rules_order_what_is_left_and_one_that_fails_changes_nothing():
    case = case_of(candidates=60, sources={"recent": 1.0})
    home = replace(case.options.at("home"), rules=[broken, only_odd])
    plans = case.recommender._making._plans._plans
    plans["home"] = replace(plans["home"], options=home)
    answer = await shown(case, k=3)
    assert ids(answer) == ["58", "56", "54"]
    assert answer.degraded == ["rule"]
