"""What a domain file may say, and what is said of one that has faults: all of them."""

import tomllib

import pytest

from millstream.domain.current import TEMPLATES
from millstream.domain.reading import DomainError, checked, read_domain
from millstream.domain.templates import template_names


@pytest.mark.parametrize("name", template_names())
def test_every_template_has_no_fault(name):
    assert read_domain(TEMPLATES / name).name == name


def set_at(domain, path, value):
    *above, last = path.split(".")
    for part in above:
        domain = domain[part]
    if value is None:
        del domain[last]
    else:
        domain[last] = value


FAULTS = [
    ("extra", 1, "`extra` must be a key that this table has (there are: name, time_zone"),
    ("time_zone", "Mars", "`time_zone` must be a time zone of the IANA list"),
    ("kinds", {}, "`kinds` must be a table that is not empty. Received: {}."),
    ("kinds.click.lable", 1, "`kinds.click.lable` must be a key that this table has; did you mean"),
    ("kinds.click.label", 2, "`kinds.click.label` must be 0 or 1. Received: 2."),
    ("kinds.click.weight", 0, "`kinds.click.weight` must be above 0.0. Received: 0."),
    ("kinds.click.seen", "no", "`kinds.click.seen` must be true or false. Received: 'no'."),
    ("kinds.rating.label", 1, "`kinds.rating` must be `label` or `label_from`, not both."),
    ("kinds.Big", {}, "`kinds.Big` must be a name of lower-case letters, digits and `_`"),
    ("user.recent", None, "`user.recent` must be given; it is missing."),
    (
        "user.recent",
        "recnt_items",
        "`user.recent` must be one of [user.features] of family `recent` (recent_items). "
        "Received: 'recnt_items'.",
    ),
    ("user.attributes.age.type", "flaot", "`user.attributes.age.type` must be one of 'string',"),
    ("user.attributes.age.type", None, "`user.attributes.age.type` must be given; it is missing."),
    ("user.attributes.age.bounds", [3, 1], "`user.attributes.age` must be bounds whose first"),
    ("user.attributes.age.bounds", 3, "`user.attributes.age.bounds` must be a list. Received: 3."),
    ("user.attributes.age.lenght", 3, "`user.attributes.age.lenght` must be a key that this"),
    ("user.attributes.id", {"type": "string"}, "must be a name other than `id` and `updated_at`"),
    ("user.attributes.events_1h", {"type": "int"}, "must be a name that no attribute has"),
    ("user.features.events_1h.half_life", "1 year", 'a duration such as "90s", "30m", "1h" or'),
    ("user.features.events_1h.half_life", 0, "above 0 seconds and at most 100 years. Received: 0."),
    (
        "user.features.events_1h.half_life",
        None,
        "`user.features.events_1h.half_life` must be given",
    ),
    ("user.features.events_1h.of", "evnts", "must be 'events', 'positives' or 'people' or a list."),
    ("user.features.events_1h.of", ["clik"], "must be one of the kinds (view, click, like"),
    ("user.features.categories.to", "item.genres", "one of [item.attributes] of type `strings`"),
    ("user.features.categories.to", "categories", "must be `user.NAME` or `item.NAME`. Received:"),
    ("user.features.categories.to", "user.recent_items", "must be a list of the other side."),
    (
        "user.features.positive_rate.over",
        "events",
        "`user.features.positive_rate.over` must be one",
    ),
    (
        "item.title",
        "release_year",
        "`item.title` must be one of [item.attributes] of type `string`",
    ),
    ("item.popularity", "positive_rate", "one of [item.features] of family `count` (events_1h,"),
    (
        "score",
        {"formula": "1 + 1"},
        "`score.formula` must be a formula that names a task at least.",
    ),
    (
        "score",
        {"formula": "2 * positve"},
        "`score.formula` must be a formula over tasks, and numbers of items and users (did you "
        "mean `positive`?). Received: 'positve'.",
    ),
    (
        "placements",
        {"home": {"score": "positive * item.relase_year"}},
        "`placements.home.score` must be a formula over tasks, and numbers of items and users (did "
        "you mean `item.release_year`?)",
    ),
    ("score", {"formula": "positive * item.title"}, "users (positive, user.age, user.events_1h,"),
    (
        "item.available_until",
        "release_year",
        "`item.available_until` must be one of [item.attributes] of type `time` (created_at).",
    ),
    ("kinds.skip.seen_for", "a week", 'a duration such as "90s", "30m", "1h" or'),
    (
        "placements",
        {"home": {"sources": {"populr": 1}}},
        "`placements.home.sources.populr` must be 'two_tower', 'co_occurrence'",
    ),
    ("placements", {"home": {"sources": {"popular": 0}}}, "one share at least is above 0"),
    ("placements", {"home": {"most": 2}}, "`placements.home.most` must be a key that this table"),
    (
        "placements",
        {"home": {"ranges": {"release_year": {"at_lest": 1}}}},
        "`placements.home.ranges.release_year.at_lest` must be a key that this table has; did you",
    ),
    (
        "placements",
        {"home": {"ranges": {"year": {"at_least": 1}}}},
        "`placements.home.ranges.year` must be one of the numbers of items (created_at,",
    ),
    (
        "placements",
        {"home": {"seen_kinds": ["clik"]}},
        "`placements.home.seen_kinds` must be one of the kinds (view, click",
    ),
    (
        "placements",
        {"home": {"seen": "off", "seen_for": "1d"}},
        "`placements.home` must be `seen_kinds` and `seen_for` only where `seen` is not off",
    ),
    (
        "placements",
        {"home": {"values": {"title": ["x"]}}},
        "`placements.home.values.title` must be one of the texts of items that are filterable ().",
    ),
    (
        "placements",
        {"home": {"rules": ["my rules"]}},
        "`placements.home.rules.0` must be `module:object`, of a Python module in the project's",
    ),
    ("context", {"device": {"type": "int"}}, "`context.device.type` must be 'string'. Received"),
    (
        "context",
        {"device": {"typ": 1, "type": "string"}},
        "that this table has; did you mean `type`",
    ),
    ("item.features.events_1h.family", "recent", "must be one of 'count', 'sum', 'since'"),
]


@pytest.mark.parametrize(("path", "value", "said"), FAULTS)
def test_a_fault_names_its_path_what_was_expected_and_what_came(films, path, value, said):
    set_at(films, path, value)
    domain, faults = checked(films)
    assert domain is None
    (fault,) = faults
    assert said in fault


def test_all_faults_come_at_once(films):
    """Those of the parts themselves, and those of the names that sound parts have for others."""
    set_at(films, "kinds.click.label", 2)
    set_at(films, "user.attributes.age.type", "flaot")
    set_at(films, "item.popularity", "popular")
    set_at(films, "user.features.categories.to", "item.genres")
    domain, faults = checked(films)
    assert domain is None
    begins = [fault.split("`")[1] for fault in faults]
    assert begins == [
        "kinds.click.label",
        "user.attributes.age.type",
        "item.popularity",
        "user.features.categories.to",
    ]


def test_what_names_a_part_with_a_fault_is_no_fault_itself(films):
    set_at(films, "item.attributes.categories.length", 0)  # `item.groups` and an affinity name it
    _, faults = checked(films)
    assert [fault.split("`")[1] for fault in faults] == ["item.attributes.categories.length"]


def test_a_domain_without_a_positive_kind_teaches_nothing(films):
    films["kinds"] = {"view": {}, "skip": {"label": 0}}
    _, faults = checked(films)
    assert faults == [
        "`kinds` must be at least one kind whose `label` is 1, or with `label_from`. "
        "Received: ['view', 'skip']."
    ]


def test_two_features_cannot_make_the_same_column_or_input(films):
    films["user"]["features"]["category_events"] = films["user"]["features"]["events_1h"]
    _, faults = checked(films)
    assert faults == [
        "`user.features.category_events` must be of names that nothing else has, as "
        "`user_category_events`. Received: 'category_events'."
    ]


def test_a_file_that_is_not_there_and_one_that_is_no_toml_say_so(tmp_path):
    with pytest.raises(DomainError, match="A file must be there: No such file"):
        read_domain(tmp_path)
    (tmp_path / "domain.toml").write_text("name = ")
    with pytest.raises(DomainError, match="It must be TOML: Invalid value"):
        read_domain(tmp_path)


def test_the_error_counts_the_faults_and_names_the_file(tmp_path):
    text = (TEMPLATES / "blank" / "domain.toml").read_text()
    (tmp_path / "domain.toml").write_text(text.replace("label = 1", "lable = 2"))
    with pytest.raises(DomainError) as caught:
        read_domain(tmp_path)
    assert len(caught.value.faults) == 1
    assert str(caught.value).startswith(f"{tmp_path / 'domain.toml'} has 1 fault:\n  `kinds.click")


def test_a_number_of_seconds_is_a_duration_too(films):
    set_at(films, "user.features.events_1h.half_life", 3600)
    before, _ = checked(tomllib.loads((TEMPLATES / "films" / "domain.toml").read_text()))
    assert checked(films) == (before, [])
