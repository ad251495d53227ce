import msgspec

from features.attributes import AttributeVersion
from features.history import Update, add
from features.state import ITEM_RULE, USER_RULE
from stream.state import entities
from stream.state.entities import Cache, Item, User, item_from, items_bytes, user_from, users_bytes

START = 1.7e9


def update(second):
    return Update(START + second, second, True, f"i{second}", ("drama",))


def user_bytes(user):
    """One user for the store."""
    (stored,) = users_bytes([user])
    return stored


def item_bytes(item):
    """One item for the store."""
    (stored,) = items_bytes([item])
    return stored


def test_a_user_survives_the_store_bit_by_bit():
    user = User(versions=(AttributeVersion(START, {"user_age": 31.0}),), entries=17)
    for second in (1, 50, 49, 55):
        add(user.history, update(second), USER_RULE, 10.0)
    assert user_from(user_bytes(user)) == user


def test_an_item_survives_the_store_bit_by_bit():
    item = Item(versions=(AttributeVersion(START, {"item_categories": ["drama"]}, hidden=True),))
    for second in (1, 50, 49, 55):
        add(item.history, update(second), ITEM_RULE, 10.0)
    assert item_from(item_bytes(item)) == item


def test_what_the_store_does_not_have_is_new():
    assert user_from(None) == User()
    assert item_from(None) == Item()


def test_counts_of_another_spec_begin_anew_but_attributes_stay(monkeypatch):
    user, item = User(entries=3), Item()
    user.versions = item.versions = (AttributeVersion(START, {"v": 1}),)
    add(user.history, update(1), USER_RULE, 10.0)
    add(item.history, update(1), ITEM_RULE, 10.0)
    monkeypatch.setattr(entities, "_SPEC", "another")
    stored_user, stored_item = user_bytes(user), item_bytes(item)
    monkeypatch.undo()
    assert user_from(stored_user) == User(versions=user.versions, entries=3)
    assert item_from(stored_item) == Item(versions=item.versions)


def test_attributes_of_an_earlier_layout_stay_whatever_its_points_are():
    versions = (AttributeVersion(START, {"v": 1}),)
    stored = msgspec.msgpack.encode(("spec:3", (START, ["i1"], b""), [], versions, 3))
    assert user_from(stored) == User(versions=versions, entries=3)
    stored = msgspec.msgpack.encode(("spec:3", (START, b""), [(START, 1)], versions))
    assert item_from(stored) == Item(versions=versions)


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
