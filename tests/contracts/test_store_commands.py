"""The commands of the online store: what Redis replies, the embedded store replies."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.stores.resp import packed
from millstream.clock import FakeClock
from millstream.embedded.migration import StoreCopy
from millstream.embedded.store import EmbeddedStore
from millstream.errors import StoreUnavailable
from stream.storage.embedded_connection import EmbeddedConnection

NOW_S = 4_000_000_000.0  # later than the clock of any Redis
# Names begin so where hashes are kept field by field.
P = "p:"
TEXT, BIT = st.binary(max_size=3), st.integers(0, 70)
STRING, PIECES, BITS = st.sampled_from(("s0", "s1")), st.just("pieces"), st.just("bits")
HASH, LIST, SET = st.sampled_from(("h", f"{P}h")), st.just("list"), st.just("set")
FIELD, KEY = st.sampled_from((b"f", b"g", b"h")), STRING | PIECES | BITS | HASH | LIST | SET
CHANGES = st.one_of(
    st.tuples(st.just("SET"), STRING, TEXT | st.integers(-9, 9) | st.floats(-9, 9)),
    st.tuples(st.just("SET"), STRING, TEXT, st.just("EX"), st.integers(50, 60)),
    st.tuples(st.just("APPEND"), PIECES, TEXT),
    st.tuples(st.just("BITFIELD"), BITS, st.just("SET"), st.just("u1"), BIT, st.integers(0, 1)),
    st.tuples(st.just("HSET"), HASH, FIELD, TEXT, FIELD, TEXT),
    st.tuples(st.just("HDEL"), st.just(f"{P}h"), FIELD, FIELD),
    st.tuples(st.just("RPUSH"), LIST, TEXT, TEXT),
    st.tuples(st.just("LTRIM"), LIST, st.integers(-4, -1), st.just(-1)),
    st.tuples(st.just("SADD"), SET, TEXT, TEXT),
    st.tuples(st.just("SREM"), SET, TEXT),
    st.tuples(st.just("DEL"), KEY, KEY),
)
READS: Sequence[tuple[Any, ...]] = (
    ("MGET", "s0", "s1", "bits", "none"),
    ("GET", "pieces"),
    ("HMGET", "h", b"f", b"g"),
    ("HGET", f"{P}h", b"h"),
    ("HGETALL", "h"),
    ("HGETALL", f"{P}h"),
    ("LRANGE", "list", 0, -1),
    ("SMEMBERS", "set"),
    ("EXISTS", "s0", "pieces", "bits", "h", f"{P}h", "list", "set"),
)


def comparable(replies: list[Any]) -> list[Any]:
    """The replies to `READS`, where their order says nothing as a set or a dictionary."""
    *rest, one, other, pieces, members, there = replies
    pairs = (
        dict(zip(r[::2], r[1::2], strict=True)) if isinstance(r, list) else r for r in (one, other)
    )
    return [*rest, *pairs, pieces, set(members), there]


def embedded(folder: Path, **options: Any) -> EmbeddedStore:
    return EmbeddedStore(folder / "store.sqlite", P, FakeClock(NOW_S), **options)


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as found:
        yield found


@pytest.fixture
def store(tmp_path):
    found = embedded(tmp_path)
    yield found
    found.close()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(CHANGES, min_size=1, max_size=6), max_size=4))
def test_what_redis_would_hold_is_held(client, store, transactions):
    keys = ("s0", "s1", "pieces", "bits", "h", f"{P}h", "list", "set")
    client.delete(*keys)
    store.write([("DEL", *keys)])
    for commands in transactions:
        with client.pipeline(transaction=True) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            pipe.execute()
        store.write(commands)
        expected = []
        for read in READS:
            reply = client.execute_command(*read)
            is_hash = isinstance(reply, dict)
            expected.append([x for pair in reply.items() for x in pair] if is_hash else reply)
        assert comparable(store.read(READS)) == comparable(expected)


def test_a_transaction_that_fails_leaves_nothing(store):
    with pytest.raises(StoreUnavailable, match="no command 'INCR'"):
        store.write([("SET", "a", "1"), ("INCR", "a")])
    assert store.read([("GET", "a")]) == [None]


def test_what_was_written_is_there_after_it_is_opened_anew(tmp_path):
    first = embedded(tmp_path)
    first.write([("SET", "a", 1.5), ("HSET", "h", "f", b"\x00"), ("HSET", f"{P}h", "f", "v")])
    second = embedded(tmp_path)  # as if the first had been killed
    read = [("GET", "a"), ("HGETALL", "h"), ("HGETALL", f"{P}h")]
    assert second.read(read) == [b"1.5", [b"f", b"\x00"], [b"f", b"v"]]
    first.close()
    second.close()


def test_a_key_is_over_when_its_time_is(tmp_path):
    clock = FakeClock(NOW_S)
    store = EmbeddedStore(tmp_path / "store.sqlite", P, clock)
    store.write([("SET", "a", "1", "EX", 10), ("HSET", "h", "f", "v"), ("EXPIRE", "h", 20)])
    reads = [("GET", "a"), ("HGET", "h", "f"), ("EXISTS", "a", "h")]
    clock.advance(9.0)
    assert (store.read(reads), store.tidy()) == ([b"1", b"v", 2], 0)
    clock.advance(2.0)
    assert (store.read(reads), store.tidy()) == ([None, b"v", 1], 1)
    store.write([("HSET", "h", "g", "w")])  # what is written to lives on as long as it would have
    clock.advance(9.0)
    assert (store.read(reads), store.tidy()) == ([None, None, 0], 1)
    store.close()


def test_a_transaction_is_given_up_where_what_it_watches_has_changed(store):
    one, other = EmbeddedConnection(store), EmbeddedConnection(store)

    async def replies(connection, *commands):
        return await connection.call(commands)

    def transaction(value):
        return ("MULTI",), ("SET", "a", value), ("EXEC",), ("MGET", "epoch", "a")

    with asyncio.Runner() as runner:
        runner.run(replies(one, ("SET", "epoch", "1"), ("WATCH", "epoch", "a"), ("MGET", "epoch")))
        done = runner.run(replies(one, *transaction("x")))
        assert done == [b"OK", b"QUEUED", [b"OK"], [b"1", b"x"]]
        runner.run(replies(one, ("WATCH", "epoch")))
        runner.run(replies(other, ("SET", "epoch", "2")))
        done = runner.run(replies(one, *transaction("y")))
        assert done == [b"OK", b"QUEUED", None, [b"2", b"x"]]


def test_commands_that_are_packed_together_are_single_ones(store):
    import pyarrow as pa

    both = packed(b"SET", pa.array([b"a", b"b"], pa.binary()), pa.array([b"1", b""], pa.binary()))
    with asyncio.Runner() as runner:
        replies = runner.run(EmbeddedConnection(store).call([both, ("MGET", "a", "b")]))
    assert replies == [b"OK", b"OK", [b"1", b""]]


def test_a_disk_that_takes_nothing_is_trouble_that_passes(store, monkeypatch):
    def full(*_):
        raise StoreUnavailable("store.sqlite: database or disk is full")

    monkeypatch.setattr(store, "write", full)
    with asyncio.Runner() as runner, pytest.raises(ConnectionError, match="disk is full"):
        runner.run(EmbeddedConnection(store).call([("SET", "a", "1")]))


def filled(store):
    """A key of every kind, two of them, and one that is left out."""
    store.write([("SET", f"string{n}", b"\x00v", *(("EX", 500) if n else ())) for n in range(2)])
    store.write([("APPEND", f"appended{n}", part) for n in range(2) for part in ("a", "b")])
    store.write([("HSET", f"{name}{n}", "f", "v") for n in range(2) for name in ("h", f"{P}h")])
    store.write([("RPUSH", f"list{n}", "c", "a", "b") for n in range(2)])
    store.write([("SADD", f"set{n}", "c", "a") for n in range(2)])
    store.write([("SET", "own", "mine")])


def test_a_copy_has_every_key_with_its_value_and_its_time(client, store, monkeypatch):
    monkeypatch.setattr("millstream.embedded.migration._AT_ONCE", 1)
    client.flushdb()
    filled(store)
    copy = StoreCopy(store, client, ["own"])
    assert copy.copy() == 12
    assert copy.copy() == 12  # again: as if it had been killed
    assert all(part.is_equal and part.here == 2 for part in copy.compared())
    assert client.get("own") is None
    assert client.get("appended0") == b"ab"
    assert client.pttl("string1") > 1e12
    assert (client.ttl("string0"), client.dbsize()) == (-1, 12)


@pytest.mark.parametrize(
    "change",
    [
        ("SET", "string0", "other"),
        ("DEL", "appended1"),
        ("HSET", "h0", "f", "w"),
        ("HDEL", f"{P}h1", "f"),
        ("LPOP", "list0"),
        ("SADD", "set1", "z"),
    ],
    ids=lambda change: change[0] + change[1],
)
def test_a_copy_that_is_another_is_noticed(client, store, change):
    client.flushdb()
    filled(store)
    copy = StoreCopy(store, client, ["own"])
    copy.copy()
    client.execute_command(*change)
    assert [part.is_equal for part in copy.compared()].count(False) == 1
