"""Users and items in the store: bit by bit, and feature by feature when the list changes."""

from base64 import b64decode
from dataclasses import replace

import msgspec
import pytest

from features.attributes import AttributeVersion
from features.entity_rule import ITEM_RULE, USER_RULE, EntityRule
from features.families import Affinity, Count, Recent
from features.history import History, add
from features.spec import DECLARED, ITEM_STATS, USER_STATS
from features.update import Update
from stream.state.cache import Cache
from stream.state.entities import (
    Item,
    User,
    items_bytes,
    items_from,
    pruned,
    users_bytes,
    users_from,
)
from tests.support.plain_features import columns

START = 1.7e9
# A user and an item of layout 4, made by the code of that time: four events, the third one late.
EARLIER_USER = (
    "la4zZDkyYTNiMWU5YmE6NJXLQdlU/EBAAADFADAAAAAAAADwPwAAAAAAAPA/AAAAAAAA8D8AAAAAAADwPwAAAAAAAPA/"
    "AAAAAAAA8D/FACAAAAAAAADwPwAAAAAAAPA/AAAAAAAA8D8AAAAAAADwP9wAAqVkcmFtYaJjMdwAAaJpMZOWy0HZVPxM"
    "QAAAMcOjaTQ5kqVkcmFtYaNjNDkxlstB2VT8TIAAADLCo2k1MJKlZHJhbWGjYzUwMpbLQdlU/E3AAAA3w6NpNTWSpWRy"
    "YW1ho2M1NTeRlMtB2VT8QAAAAIGodXNlcl9hZ2XLQD8AAAAAAADCoBE="
)
EARLIER_ITEM = (
    "lK4zZDkyYTNiMWU5YmE6NJLLQdlU/EBAAADEgAAAAAAAAPA/AAAAAAAA8D8AAAAAAADwPwAAAAAAAPA/AAAAAAAA8D8A"
    "AAAAAADwPwAAAAAAAPA/AAAAAAAA8D8BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAk5bLQdlU/ExAAAAxw6NpNDmSpWRyYW1ho2M0OTGWy0HZVPxMgAAAMsKjaTUwkqVkcmFt"
    "YaNjNTAylstB2VT8TcAAADfDo2k1NZKlZHJhbWGjYzU1N5GUy0HZVPxAAAAAga9pdGVtX2NhdGVnb3JpZXORpWRyYW1h"
    "w6A="
)

# Items that look at nothing of those who met them.
PLAIN = EntityRule(
    "item",
    tuple(
        each for each in DECLARED if not (isinstance(each, Affinity) and each.view is ITEM_STATS)
    ),
)


def update(second):
    lists = (("drama", f"c{second}"),)
    return Update(START + second, second, second % 2 == 1, f"i{second}", lists, second)


def history(rule, *seconds, of=None):
    found = of or History(rule.empty)
    for second in seconds:
        add(rule, [found], [update(second)], 10.0)
    return found


def user_again(user, before=USER_RULE, after=USER_RULE):
    """The user after the store, with which another rule goes on."""
    return users_from(users_bytes([user], before), after)[0]


def item_again(item, before=ITEM_RULE, after=ITEM_RULE):
    """The item after the store, with which another rule goes on."""
    return items_from(items_bytes([item], before), after)[0]


def test_a_user_survives_the_store_bit_by_bit():
    versions = (AttributeVersion(START, {"user_age": 31.0}),)
    user = User(history(USER_RULE, 1, 50, 49, 55), versions, 17)
    assert user_again(user) == user


def test_an_item_survives_the_store_bit_by_bit():
    versions = (AttributeVersion(START, {"item_categories": ["drama"]}, hidden=True),)
    item = Item(history(ITEM_RULE, 1, 50, 49, 55), versions)
    assert item_again(item) == item


def test_many_are_what_each_is_alone():
    users = [User(history(USER_RULE, *range(n + 1))) for n in range(3)]
    stored = users_bytes(users)
    assert users_from([stored[0], None, *stored[1:]]) == [users[0], User(), *users[1:]]


def test_what_the_store_does_not_have_is_new():
    assert users_from([None]) == [User()]
    assert items_from([None]) == [Item()]


def test_what_an_earlier_version_stored_goes_on_bit_by_bit():
    user = User(
        history(USER_RULE, 1, 50, 49, 55), (AttributeVersion(START, {"user_age": 31.0}),), 17
    )
    assert users_from([b64decode(EARLIER_USER)]) == [user]
    versions = (AttributeVersion(START, {"item_categories": ["drama"]}, hidden=True),)
    item = Item(history(PLAIN, 1, 50, 49, 55), versions)
    assert items_from([b64decode(EARLIER_ITEM)], PLAIN) == [item]


def test_attributes_of_another_layout_stay_whatever_its_states_are():
    versions = (AttributeVersion(START, {"v": 1}),)
    stored = msgspec.msgpack.encode(("spec:3", (START, ["i1"], b""), [], versions, 3))
    assert users_from([stored]) == [User(versions=versions, entries=3)]
    stored = msgspec.msgpack.encode(("spec:3", (START, b""), [(START, 1)], versions))
    assert items_from([stored]) == [Item(versions=versions)]


MORE = Count("user_purchases", USER_STATS, of=("purchase",), half_life_s=60.0)
ADDED = EntityRule("user", (*DECLARED[:3], MORE, *DECLARED[3:]))


def without(rule, *names):
    return EntityRule(rule.entity, [f for f in DECLARED if f.name not in names])


def changed(name, **options):
    return EntityRule("user", [replace(f, **options) if f.name == name else f for f in DECLARED])


# What begins anew when the list becomes another one; all else is bit by bit as if it never had.
CHANGES = {
    "one more": (USER_RULE, ADDED, {"user_purchases"}),
    "one less": (ADDED, USER_RULE, set()),
    "another half-life": (
        USER_RULE,
        changed("user_events_1h", half_life_s=7_200.0),
        {"user_events_1h"},
    ),
    "a list that fades otherwise": (
        USER_RULE,
        changed("user_categories", half_life_s=60.0),
        {"user_categories", "user_category_events", "user_category_positives"},
    ),
    "another name": (
        USER_RULE,
        EntityRule(
            "user",
            [replace(f, name="user_last") if isinstance(f, Recent) else f for f in DECLARED],
        ),
        {"user_last"},
    ),
    "another order": (USER_RULE, EntityRule("user", DECLARED[::-1]), set()),
    "a longer list": (USER_RULE, changed("user_recent_items", length=30), set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_list_loses_only_what_it_changes(change):
    before, after, anew = CHANGES[change]
    moved = user_again(User(history(before, 1, 20, 40)), before, after)
    row = columns(after, history(after, 41, 55, of=moved.history))
    never = columns(before, history(before, 1, 20, 40, 41, 55))
    late = columns(after, history(after, 40, 41, 55))  # began with what the horizon still had
    assert {name: row[name] for name in row if name not in anew} == {
        name: never[name] for name in row if name not in anew
    }
    assert {name: row[name] for name in anew} == {name: late[name] for name in anew}


def test_what_is_removed_is_kept_and_goes_on_when_it_comes_back():
    before, after = USER_RULE, without(USER_RULE, "user_events_1h")
    user = user_again(User(history(before, 1, 20)), before, after)
    assert len(user.kept) == 1
    history(after, 80, of=user.history)
    back = user_again(user_again(user, after, after), after, before)
    assert back.kept == ()
    # Of what came meanwhile it has only what the horizon still holds.
    base, lost = columns(before, back.history), columns(before, history(before, 1, 80))
    assert base["user_events_1h"] == pytest.approx(lost["user_events_1h"])
    assert base["user_events_1d"] == columns(before, history(before, 1, 20, 80))["user_events_1d"]


def test_a_removed_affinity_fades_while_it_is_away():
    before, after = USER_RULE, without(USER_RULE, "user_categories")
    user = user_again(User(history(before, 1, 20)), before, after)
    history(after, 40_000_000, 40_000_020, of=user.history)
    row = columns(before, user_again(user, after, before).history)
    events = dict(zip(row["user_categories"], row["user_category_events"], strict=True))
    left = 2.0 ** (-(40_000_020 - 1) / (30 * 86_400.0))
    assert events["c1"] == pytest.approx(left, rel=1e-5)


def test_pruning_removes_what_no_feature_knows_and_nothing_else():
    user = User(history(ADDED, 1, 20), entries=5)
    (stored,) = users_bytes([user], ADDED)
    smaller = pruned(stored, USER_RULE)
    assert smaller is not None and len(smaller) < len(stored)
    assert users_from([smaller]) == [User(history(USER_RULE, 1, 20), entries=5)]
    assert pruned(smaller, USER_RULE) is None
    item = Item(history(ITEM_RULE, 1, 20))
    (stored,) = items_bytes([item])
    after = without(ITEM_RULE, "item_popularity")
    smaller = pruned(stored, after)
    assert items_from([smaller], after) == [Item(history(after, 1, 20))]


def test_updates_keep_the_lists_that_another_list_of_features_asks_for():
    tags = Affinity("user_tags", USER_STATS, to="item_tags", half_life_s=60.0)
    both = EntityRule("user", (tags, *DECLARED))
    assert list(both.needs.lists) == ["item_tags", "item_categories"]
    moved = user_again(User(history(USER_RULE, 1, 20, 25)), USER_RULE, both)
    assert [update.lists for update in moved.history.updates] == [
        ((), ("drama", "c20")),
        ((), ("drama", "c25")),
    ]
    again = user_again(moved, both, USER_RULE)
    assert again.history == history(USER_RULE, 1, 20, 25)


def test_an_item_that_begins_to_look_at_its_users_has_not_seen_them_before():
    before = Affinity("item_before", ITEM_STATS, to="user_recent_items", half_life_s=60.0)
    moved = item_again(Item(history(PLAIN, 1)), PLAIN, EntityRule("item", (before,)))
    assert [update.lists for update in moved.history.updates] == [((),)]


def test_an_entity_without_features_still_has_a_history():
    rule = EntityRule("item", ())
    item = Item(history(rule, 1, 50, 49))
    assert item.history.newest.time == START + 50
    assert item_again(item, rule, rule) == item
    assert item_again(item, rule).history.newest.time == START + 50


def test_a_cache_forgets_what_was_not_used_lately():
    cache = Cache[str](4)
    for key in "abc":
        cache.put(key, key.upper())
    cache.shrink()
    assert cache["a"] == "A"
    for key in "de":
        cache.put(key, key.upper())
    cache.shrink()
    assert cache.missing("abcdea") == ["b", "c"]
    assert len(cache) == 3


def test_a_cache_keeps_everything_between_two_shrinks():
    cache = Cache[str](2)
    for key in "abcdef":
        cache.put(key, key)
    assert cache.missing("abcdef") == []
