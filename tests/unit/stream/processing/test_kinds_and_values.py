"""Features that ask for the kinds and values of events get them from the stream."""

from functools import partial

import pytest

from features.entity_rule import EntityRule
from features.families import Count, LastTime, Recent, ValueSum
from features.history import History
from features.spec import DECLARED, USER_STATS
from stream.processing import user_stage
from stream.state import changes
from stream.state.entities import User, users_bytes, users_from
from tests.support import stream_cases
from tests.support.plain_features import columns
from tests.support.stream_cases import START, MemoryStream, interaction

SHOP = (
    Count("user_carts", USER_STATS, of=("cart", "purchase"), half_life_s=100.0),
    ValueSum("user_spent", USER_STATS, half_life_s=100.0, kinds=("purchase",)),
    LastTime("user_bought_at", USER_STATS, kinds=("purchase",)),
    Recent("user_bought", USER_STATS, length=2, kinds=("purchase",)),
)
RULE = EntityRule("user", (*DECLARED, *SHOP))


@pytest.fixture
def stream(monkeypatch):
    """A stream of a shop's users."""
    monkeypatch.setattr(user_stage, "USER_RULE", RULE)
    monkeypatch.setattr(changes, "users_bytes", partial(users_bytes, rule=RULE))
    monkeypatch.setattr(stream_cases, "User", lambda: User(History(RULE.empty)))
    return MemoryStream(allowed_lateness_s=50.0)


def test_kinds_and_values_reach_the_features_in_time_and_late(stream):
    effects = stream.run(
        interaction(0, item="a", kind="cart"),
        interaction(10, item="a", kind="purchase", value=3.0),
        interaction(20, item="b", kind="purchase", value=5.0),
        interaction(20, item="c", kind="view", value=100.0),
        interaction(15, item="d", kind="purchase", value=7.0),
        interaction(30, item="e", kind="click"),
    )
    user = stream.memory.users["u1"]
    row = columns(RULE, user.history)
    left = {second: 2.0 ** (-(30 - second) / 100.0) for second in (0, 10, 15, 20)}
    assert row["user_carts"] == pytest.approx(sum(left.values()))
    assert row["user_spent"] == pytest.approx(3 * left[10] + 7 * left[15] + 5 * left[20])
    assert row["user_bought_at"] == START + 20
    assert row["user_bought"] == ["b", "d"]
    assert users_from([effects.state.users["u1"]], RULE) == [user]
