"""States of features that are no more leave the store when they are pruned, and only then."""

from redis import Redis

from features.entity_rule import USER_RULE, EntityRule
from features.families import Count
from features.history import History, add
from features.spec import DECLARED, USER_STATS
from features.update import Update
from stream.state.entities import Item, User, items_bytes, users_bytes, users_from
from stream.storage.pruning import prune

LARGER = EntityRule("user", (*DECLARED, Count("user_gone", USER_STATS, half_life_s=60.0)))


def user_of(rule: EntityRule) -> User:
    """A user with one event."""
    user = User(History(rule.empty), entries=3)
    add(rule, [user.history], [Update(1.7e9, 1, True, "i", (("drama",),), 5)], 10.0)
    return user


def test_pruning_rewrites_what_holds_the_state_of_no_feature_and_nothing_else(redis_url):
    (larger,), (own,) = users_bytes([user_of(LARGER)], LARGER), users_bytes([user_of(USER_RULE)])
    (item,) = items_bytes([Item()])
    with Redis.from_url(redis_url) as redis:
        redis.mset({"p.stream:user:a": larger, "p.stream:user:b": own, "p.stream:item:i": item})
        redis.set("q.stream:user:a", larger)
        redis.expire("p.stream:user:a", 1_000)
        assert prune(redis, "p.") == 1
        assert users_from([redis.get("p.stream:user:a")]) == [user_of(USER_RULE)]
        assert 0 < redis.ttl("p.stream:user:a") <= 1_000
        assert redis.mget("p.stream:user:b", "p.stream:item:i", "q.stream:user:a") == [
            own,
            item,
            larger,
        ]
        assert prune(redis, "p.") == 0
