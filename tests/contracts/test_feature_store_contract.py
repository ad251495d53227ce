"""What every online store does, held on the one in memory and on the real one."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from features.spec import (
    ITEM_ATTRIBUTES,
    ITEM_STATS,
    USER_ATTRIBUTES,
    USER_STATS,
    VIEWS,
    features_of,
)
from features.stores.commands import RedisCommands
from features.stores.memory import AsyncMemoryOnlineStore, MemoryOnlineStore
from features.stores.online import AsyncOnlineStore, OnlineStore
from features.stores.redis_online import AsyncRedisOnlineStore, RedisOnlineStore
from features.stores.schema import online_schema
from millstream.errors import StoreUnavailable
from tests.support.feature_rows import feature_rows

PROJECT = "contract"


class FromAsync:
    """An asynchronous store as a synchronous one, so that one suite serves both."""

    def __init__(self, store: AsyncOnlineStore, runner: asyncio.Runner) -> None:
        self._store = store
        self._runner = runner

    def write(self, view, rows):
        self._runner.run(self._store.write(view, rows))

    def read(self, requests, at_s=None):
        return self._runner.run(self._store.read(requests, at_s))


@pytest.fixture(params=["memory", "async memory", "redis", "async redis"])
def store(request) -> Iterator[OnlineStore]:
    if request.param == "memory":
        yield MemoryOnlineStore()
    elif request.param == "async memory":
        with asyncio.Runner() as runner:
            yield FromAsync(AsyncMemoryOnlineStore(), runner)
    elif request.param == "redis":
        with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
            yield RedisOnlineStore(client, PROJECT)
    else:
        with asyncio.Runner() as runner:
            client = RedisCommands(AsyncRedis.from_url(request.getfixturevalue("redis_url")))
            yield FromAsync(AsyncRedisOnlineStore(client, PROJECT), runner)
            runner.run(client.aclose())


def read_one(store, view, ids, at_s=None):
    (table,) = store.read([(view, ids)], at_s)
    return table


def online(view, rows):
    return rows.select(online_schema(view).names)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_what_was_written_is_read(store, view):
    rows = feature_rows(view, ["1", "ä", "a b"], [1e9, 2e9, 1e9 + 0.123456])
    store.write(view, rows)
    assert read_one(store, view, ["1", "ä", "a b"]).equals(online(view, rows))


def test_rows_come_in_the_order_of_the_ids_once_for_each(store):
    rows = feature_rows(ITEM_STATS, ["a", "b"], [1e9, 2e9])
    store.write(ITEM_STATS, rows)
    expected = online(ITEM_STATS, rows).take([1, 0, 1])
    assert read_one(store, ITEM_STATS, ["b", "a", "b"]).equals(expected)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_missing_row_has_the_defaults_and_no_time(store, view):
    (row,) = read_one(store, view, ["nobody"]).to_pylist()
    defaults = {
        feature.name: list(feature.default) if feature.is_list else feature.default
        for feature in features_of(view)
    }
    assert row == {view.key: "nobody", **defaults, "event_timestamp": None}


def test_the_last_row_of_an_entity_wins_also_within_one_write(store):
    rows = feature_rows(USER_STATS, ["u", "u"], [2e9, 1e9])
    store.write(USER_STATS, rows)
    assert read_one(store, USER_STATS, ["u"]).equals(online(USER_STATS, rows).slice(1))


def test_a_null_is_read_as_the_default(store):
    rows = feature_rows(USER_ATTRIBUTES, ["u"], [1e9])
    place = rows.schema.get_field_index("user_gender")
    store.write(
        USER_ATTRIBUTES, rows.set_column(place, "user_gender", pa.array([None], pa.string()))
    )
    assert read_one(store, USER_ATTRIBUTES, ["u"])["user_gender"].to_pylist() == [""]


def test_the_views_of_an_entity_do_not_meet(store):
    stats = feature_rows(ITEM_STATS, ["a"], [1e9], seed=1)
    attributes = feature_rows(ITEM_ATTRIBUTES, ["a"], [2e9], seed=2)
    store.write(ITEM_STATS, stats)
    store.write(ITEM_ATTRIBUTES, attributes)
    tables = store.read([(ITEM_STATS, ["a"]), (ITEM_ATTRIBUTES, ["a"]), (USER_STATS, ["a"])])
    assert tables[0].equals(online(ITEM_STATS, stats))
    assert tables[1].equals(online(ITEM_ATTRIBUTES, attributes))
    assert tables[2]["event_timestamp"].to_pylist() == [None]


def test_requests_are_answered_one_by_one_whatever_they_share(store):
    ids = ["a", "b"]
    written = {view.name: feature_rows(view, ids, [1e9, 2e9], seed=7) for view in VIEWS}
    for view in VIEWS:
        store.write(view, written[view.name])
    views = (USER_STATS, USER_ATTRIBUTES, ITEM_STATS, ITEM_ATTRIBUTES, ITEM_STATS)
    requests = [(view, some) for some in (ids, ["b"], [], ids) for view in views]
    for (view, some), table in zip(requests, store.read(requests), strict=True):
        rows = [ids.index(entity_id) for entity_id in some]
        assert table.equals(online(view, written[view.name]).take(pa.array(rows, pa.int64())))


def test_asking_for_nothing_gives_tables_without_rows(store):
    assert store.read([]) == []
    assert read_one(store, ITEM_STATS, []).equals(online_schema(ITEM_STATS).empty_table())


def test_writing_nothing_changes_nothing(store):
    store.write(ITEM_STATS, feature_rows(ITEM_STATS, [], []))
    assert read_one(store, ITEM_STATS, ["a"])["event_timestamp"].to_pylist() == [None]


def test_a_row_past_its_ttl_is_missing(store):
    ttl_s = ITEM_STATS.ttl_s
    assert ttl_s is not None
    store.write(ITEM_STATS, feature_rows(ITEM_STATS, ["old", "new"], [1e9, 1e9 + 1]))
    times = read_one(store, ITEM_STATS, ["old", "new"], at_s=1e9 + ttl_s + 0.5)["event_timestamp"]
    assert times.to_pylist() == [None, datetime.fromtimestamp(1e9 + 1, UTC)]


def test_a_row_without_a_ttl_never_expires(store):
    assert ITEM_ATTRIBUTES.ttl_s is None
    store.write(ITEM_ATTRIBUTES, feature_rows(ITEM_ATTRIBUTES, ["a"], [1e9]))
    assert read_one(store, ITEM_ATTRIBUTES, ["a"], at_s=4e9)["event_timestamp"].null_count == 0


def test_a_redis_that_does_not_answer_is_said_to_be_unavailable():
    with redis.Redis(host="127.0.0.1", port=1) as client:
        store = RedisOnlineStore(client, PROJECT)
        with pytest.raises(StoreUnavailable, match="Redis does not answer"):
            store.read([(ITEM_STATS, ["a"])])


async def test_the_asynchronous_one_says_so_too():
    async with AsyncRedis(host="127.0.0.1", port=1) as client:
        store = AsyncRedisOnlineStore(RedisCommands(client), PROJECT)
        with pytest.raises(StoreUnavailable, match="Redis does not answer"):
            await store.read([(ITEM_STATS, ["a"])])


def test_an_entity_that_is_not_written_for_the_key_ttl_is_forgotten_by_redis(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        store = RedisOnlineStore(client, PROJECT, key_ttl_s=100)
        store.write(ITEM_STATS, feature_rows(ITEM_STATS, ["a"], [1e9]))
        (key,) = client.keys()
        assert 0 < client.ttl(key) <= 100
