"""What differs between two domains, and what that does."""

import copy

import pytest

from millstream.domain.applied import applied_in, record
from millstream.domain.changes import changes
from millstream.domain.current import TEMPLATES
from millstream.domain.reading import checked, read_domain
from millstream.errors import ConfigurationError


def read(given):
    domain, faults = checked(given)
    assert faults == []
    return domain


def test_a_domain_differs_in_nothing_from_itself(films):
    assert changes(read(films), read(copy.deepcopy(films))) == []


def test_a_default_that_is_written_out_changes_nothing(films):
    before = read(films)
    films["kinds"]["click"] |= {"weight": 1.0, "seen": True}
    films["user"]["features"]["events_1h"]["half_life"] = "60m"
    assert changes(before, read(films)) == []


def test_of_nothing_all_is_new(films):
    found = changes(None, read(films))
    assert {change.action for change in found} == {"added"}
    assert "+ kinds.rating: label_from 4.0, value stars, 1 to 5" in [
        change.line() for change in found
    ]


def one(before, after):
    (change,) = changes(before, after)
    return change


def test_an_added_feature_leaves_the_others_alone(films):
    before = read(films)
    films["item"]["features"]["skips_1d"] = {
        "family": "count",
        "of": ["skip", "dislike"],
        "half_life": "1d",
    }
    added = one(before, read(films))
    assert added.line() == "+ item.features.skips_1d: family count, of skip, dislike, half_life 1d"
    assert set(added.does) == {"state", "examples", "models", "Feast"}
    assert "every other feature keeps its state" in added.does["state"]
    assert added.does["Feast"] == "`item_skips_1d` is added to the view `item_stats`"
    removed = one(read(films), before)
    assert removed.line().startswith("- item.features.skips_1d")
    assert "no longer kept up" in removed.does["state"]


def test_another_half_life_begins_that_feature_anew(films):
    before = read(films)
    films["item"]["features"]["popularity"]["half_life"] = "36h"
    found = one(before, read(films))
    assert found.line() == "~ item.features.popularity: half_life 7d -> 36h"
    assert found.does["state"].startswith("`item_popularity` begins anew")


@pytest.mark.parametrize(
    ("path", "value", "touched"),
    [
        ("kinds.click.weight", 2.0, {"examples"}),
        ("kinds.play.value", "minutes", set()),
        ("kinds.wish", {"label": 1}, {"events"}),
        ("item.trending", "popularity", {"lists"}),
        ("user.features.recent_items.times", True, {"state", "examples", "models", "Feast"}),
        ("item.available_from", "created_at", {"lists", "examples"}),
        ("kinds.click.seen_for", "7d", {"lists"}),
        ("placements", {"home": {"k": 5}}, {"lists"}),
        ("context", {"device": {"type": "string"}}, {"examples", "models"}),
        ("score", {"formula": "positive * log1p(item.popularity)"}, {"lists"}),
        ("placements", {"home": {"seen_kinds": ["purchase"]}}, {"lists", "state"}),
        ("time_zone", "Europe/Berlin", {"models"}),
        ("user.attributes.age.sensitive", True, {"events"}),
        ("user.attributes.age.scale", 50.0, {"models"}),
        ("user.attributes.age.type", "int", {"models", "state", "Feast"}),
        ("user.attributes.country", {"type": "string"}, {"models", "state", "examples", "Feast"}),
    ],
)
def test_a_change_touches_what_depends_on_it_and_nothing_else(films, path, value, touched):
    before = read(films)
    place = films
    *above, last = path.split(".")
    for part in above:
        place = place[part]
    place[last] = value
    change = one(before, read(films))
    assert change.path in (path.rpartition(".")[0], path, "placements.home", "context.device")
    assert set(change.does) == touched


def test_a_name_is_shown_as_it_is(films):
    before = read(films)
    films["item"]["trending"] = "popularity"
    assert one(before, read(films)).line() == "~ item.trending: popularity_30m -> popularity"


def test_what_was_applied_last_is_found_again(tmp_path):
    assert applied_in(tmp_path) is None
    record(tmp_path, TEMPLATES / "films", 1e9)
    record(tmp_path, TEMPLATES / "shop", 2e9)
    found = applied_in(tmp_path)
    assert found.domain == read_domain(TEMPLATES / "shop")
    assert found.at_s == 2e9
    assert found.text == (TEMPLATES / "shop" / "domain.toml").read_text()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"text": "name = 1"}', '{"text": "", "applied_at": 1}']
)
def test_a_record_that_cannot_be_read_says_what_to_do(tmp_path, text):
    (tmp_path / "applied-domain.json").write_text(text)
    with pytest.raises(ConfigurationError, match="Remove it to plan as if nothing"):
        applied_in(tmp_path)
