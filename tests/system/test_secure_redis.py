"""Every Redis client over TLS, with ACL users and through sentinels, on a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError, ResponseError

from deploy.local import LocalServices, Process
from deploy.local.places import HOST, free_ports
from deploy.local.redis import RedisServer
from feature_repo.redis_url import RedisUrlOnlineStore, RedisUrlOnlineStoreConfig
from millstream.errors import StoreUnavailable
from millstream.redis_clients import async_redis_client, redis_client
from stream.storage.leader_lease import Lease
from stream.storage.redis_connection import connected
from tests.support.certificates import Authority
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.tls_proxy import tls_proxy

USER, PASSWORD = "millstream", "p@ss:w/o?&=%"
AUTH = f"{USER}:{quote(PASSWORD, safe='')}"
TIMEOUT_S = 60.0


@pytest.fixture(autouse=True)
async def _closed_connections_are_gone() -> AsyncIterator[None]:
    """A closed transport lets go of its socket in a later turn of the loop, which ends here."""
    yield
    await asyncio.sleep(0.3)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of our own, with a user."""
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    redis.start()
    with Redis.from_url(redis.address) as client:
        client.acl_setuser(
            USER, enabled=True, passwords=[f"+{PASSWORD}"], categories=["+@all"], keys=["*"]
        )
    yield redis
    redis.stop()


@pytest.fixture(scope="module")
def port(server: RedisServer) -> int:
    return int(server.address.rsplit(":", 1)[1].split("/")[0])


@pytest.fixture(scope="module")
def tls_port(port: int, authority: Authority) -> Iterator[int]:
    """Where the same Redis is met over TLS, by those who have a certificate."""
    with tls_proxy(port, authority.identity("redis", HOST), authority.ca) as listening:
        yield listening


def tls_url(tls_port: int, authority: Authority, **options: Any) -> str:
    client = authority.identity("client", "worker.example")
    wanted = {
        "ssl_ca_certs": authority.ca,
        "ssl_certfile": client.certificate,
        "ssl_keyfile": client.key,
        **options,
    }
    query = "&".join(f"{name}={value}" for name, value in wanted.items() if value is not None)
    return f"rediss://{AUTH}@{HOST}:{tls_port}/1?{query}"


async def check_all_clients(url: str, is_open: type[BaseException] | None = None) -> None:
    """Ours, blocking and not; the stream's link; Feast's: each writes what the next one reads."""
    with redis_client(url) as client:
        client.set("who", "blocking")
    async with async_redis_client(url) as waiting:
        assert await waiting.get("who") == b"blocking"
        await waiting.set("who", "asyncio")
    link = await connected(url)
    assert await link.call([("GET", "who"), ("SET", "who", "link")]) == [b"asyncio", b"OK"]
    link.close()
    store = RedisUrlOnlineStore()
    with store._get_client(RedisUrlOnlineStoreConfig()) as feast:
        assert feast.get("who") == b"link"
    store = RedisUrlOnlineStore()
    async with await store._get_client_async(RedisUrlOnlineStoreConfig()) as feast:
        assert await feast.get("who") == b"link"


async def test_every_client_takes_the_options_of_the_url(tls_port, authority, monkeypatch):
    url = tls_url(tls_port, authority)
    monkeypatch.setenv("REDIS_URL", url)
    await check_all_clients(url)


async def test_without_the_authority_nobody_is_trusted(tls_port, authority):
    url = tls_url(tls_port, authority, ssl_ca_certs=None)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        await connected(url)
    trusting = tls_url(
        tls_port, authority, ssl_ca_certs=None, ssl_cert_reqs="none", ssl_check_hostname="false"
    )
    link = await connected(trusting)
    link.close()


async def test_a_certificate_for_another_host_is_refused_unless_told(port, authority):
    with tls_proxy(port, authority.identity("elsewhere", "redis.example")) as listening:
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await connected(tls_url(listening, authority))
        link = await connected(tls_url(listening, authority, ssl_check_hostname="false"))
        link.close()


async def test_a_wrong_password_is_an_error_at_once(port):
    url = f"redis://{USER}:guessed@{HOST}:{port}/0"
    with pytest.raises(StoreUnavailable, match="Redis refuses what REDIS_URL says: WRONGPASS"):
        await connected(url)
    async with AsyncRedis.from_url(url) as client:
        with pytest.raises(StoreUnavailable, match="Redis refuses what REDIS_URL says"):
            await Lease(client, "lease", "epoch", "me").acquire()


@pytest.mark.parametrize("password", ["guessed", "p@ss:w/o"])
def test_a_worker_that_cannot_get_in_ends_with_one_line_that_has_no_password(
    services: LocalServices, port: int, topic_prefix: str, tmp_path: Path, password: str
):
    url = f"redis://{USER}:{password}@{HOST}:{port}/0"
    with Installation(services.bootstrap_servers, "redis://h", topic_prefix, tmp_path) as own:
        worker = own.run("stream", environment={"REDIS_URL": url})
        assert worker.wait(TIMEOUT_S) == 1
        said = worker.log.read_text()
        (line,) = [line for line in said.splitlines() if line.startswith("millstream: ")]
        assert "REDIS_URL" in line
        assert ("percent-encoded" in line) == (password != "guessed")
        assert "Traceback" not in said
        assert password not in said


@pytest.fixture
def sentinels(server: RedisServer, port: int, tmp_path: Path) -> Iterator[tuple[int, int, Path]]:
    """A master with a replica, and a sentinel that watches them: (sentinel, replica, log)."""
    sentinel, replica = free_ports(2)
    folder = tmp_path / "replica"
    folder.mkdir()
    follow = ["--replicaof", HOST, str(port), "--save", "", "--appendonly", "no"]
    listen = ["--port", str(replica), "--bind", HOST, "--dir", str(folder)]
    second = Process(
        "replica",
        [server._binary, *listen, *follow, "--repl-diskless-sync-delay", "0"],
        tmp_path / "replica.log",
    )
    second.start()
    with Redis(host=HOST, port=replica) as client:
        eventually(lambda: up(client), "the replica follows", TIMEOUT_S)
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"port {sentinel}\nbind {HOST}\nsentinel monitor shop {HOST} {port} 1\n"
        "sentinel down-after-milliseconds shop 1000\nsentinel failover-timeout shop 3000\n"
    )
    third = Process(
        "sentinel", [server._binary, str(config), "--sentinel"], tmp_path / "sentinel.log"
    )
    third.start()
    with Redis(host=HOST, port=sentinel) as client:
        eventually(lambda: knows_replica(client), "the sentinel knows both", TIMEOUT_S)
    yield sentinel, replica, tmp_path
    third.kill()
    second.kill()


def up(client: Redis) -> bool:
    """Whether a replica has caught up with its master."""
    try:
        found: Any = client.info("replication")
        return bool(found["master_link_status"] == "up")
    except (RedisError, KeyError):  # it begins
        return False


def knows_replica(client: Redis) -> bool:
    """Whether a sentinel has found a replica."""
    try:
        return bool(client.sentinel_slaves("shop"))
    except RedisError:  # it begins
        return False


async def test_the_sentinels_say_who_is_master_now(sentinels, server, port, monkeypatch):
    sentinel, replica, _ = sentinels
    with Redis(host=HOST, port=replica) as client:
        client.acl_setuser(
            USER, enabled=True, passwords=[f"+{PASSWORD}"], categories=["+@all"], keys=["*"]
        )
    url = f"redis+sentinel://{AUTH}@{HOST}:{sentinel}/shop/1"
    monkeypatch.setenv("REDIS_URL", url)
    await check_all_clients(url)
    with Redis(host=HOST, port=sentinel) as client:
        eventually(lambda: fails_over(client), "the replica may be promoted", TIMEOUT_S, 0.5)
        eventually(
            lambda: client.sentinel_get_master_addr_by_name("shop")[1] == replica,
            "the replica is master",
            TIMEOUT_S,
        )
    eventually(lambda: role(replica) == "master", "it takes writes", TIMEOUT_S)
    eventually(lambda: role(port) == "slave", "the former master follows it", TIMEOUT_S)
    await check_all_clients(url)
    with Redis(host=HOST, port=replica, db=1) as client:
        assert client.get("who") == b"link"


def fails_over(sentinel: Redis) -> bool:
    """Ask for a fail-over; whether the sentinel has found a replica that is good for it."""
    try:
        sentinel.execute_command("SENTINEL", "FAILOVER", "shop")
    except ResponseError:
        return False
    return True


def role(server: int) -> str:
    """`master` or `slave`, as the server says; empty while it does not answer."""
    try:
        with Redis(host=HOST, port=server) as client:
            found: Any = client.info("replication")
            return str(found["role"])
    except RedisError:
        return ""
