"""Times of a user's recent items stay with them, wherever serving puts items before them."""

import pytest

from features.spec import BY_NAME, RECENT
from serving import users
from serving.merged_sessions import MergedSession
from serving.users import Met, StoredUser

TIMES = "user_recent_times"


@pytest.fixture
def user(monkeypatch):
    """Met b at 20 and a at 10, in a domain that keeps times."""
    monkeypatch.setattr(users, "RECENT_TIMES", TIMES)
    return StoredUser("u", {RECENT: ["b", "a"], TIMES: [20.0, 10.0]})


def times_of(user):
    return dict(zip(user.raw[RECENT], user.raw[TIMES], strict=True))


def test_what_was_met_since_has_the_time_of_the_request(user):
    again = user.with_recent(["c", "a"], 30.0)
    assert again.raw[RECENT] == ["c", "a", "b"]
    assert times_of(again) == {"c": 30.0, "a": 30.0, "b": 20.0}


def test_what_a_session_met_has_its_own_times(user):
    session = MergedSession(name="s", recent=["x", "b"], times=[15.0, 14.0], after="a")
    found = user.with_sessions([session])
    assert found.raw[RECENT] == ["b", "x", "a"]
    assert times_of(found) == {"b": 20.0, "x": 15.0, "a": 10.0}


def test_what_a_session_of_before_the_times_met_has_none(user):
    found = user.with_sessions([MergedSession(name="s", recent=["x"], after="a")])
    assert times_of(found) == {"b": 20.0, "x": 0.0, "a": 10.0}


def test_what_only_a_worker_knows_counts_by_its_own_time(user):
    known = StoredUser("u", user.raw, met=[Met("a", "click", 40.0), Met("z")]).times
    assert known == {"a": 40.0, "b": 20.0}


def test_without_times_there_is_no_column_of_them():
    user = StoredUser("u", {RECENT: ["b"]}).with_recent(["c"], 30.0)
    assert user.raw == {RECENT: ["c", "b"]} and user.times == {}


def test_what_a_caller_says_comes_first_and_in_its_order_however_much_it_is(user):
    length = BY_NAME[RECENT].length or 1
    said = [f"i{n}" for n in range(3 * length)]
    found = user.with_recent(said, 30.0)
    assert found.newest == found.raw[RECENT] == said[:length]
    assert set(said) <= set(found.certainly_seen)
