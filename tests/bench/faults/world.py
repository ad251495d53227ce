"""Every worker and both services, with what faults need to get at."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from kafka import KafkaConsumer, TopicPartition
from redis import Redis
from redis.exceptions import RedisError

from deploy.local import LocalServices, local_services
from deploy.local.places import free_ports
from deploy.local.service import LocalService
from millstream.settings import Settings
from millstream.snapshots import SnapshotReader
from millstream.topics import IMPRESSIONS, INTERACTIONS
from stream.state.shards import ITEM_SIDE
from tests.bench.faults.disk import SmallDisk, small_disk
from tests.bench.faults.ledger import Ledger
from tests.bench.faults.proxy import Proxy
from tests.bench.faults.workers import Kept
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.stream_cases import item_upsert
from tests.support.stream_outcome import position, send

STREAMS = ("stream-1", "stream-2")
START_S = 120.0
SMALL = {
    "ranker": "fm",
    "embedding_width": 4,
    "snapshot_interval_s": 2.0,
    "snapshots_kept": 20,
    "join_window_s": 30.0,
    "offline_flush_s": 5.0,
    "request_budget_ms": 500,
    "gate_after_examples": 10**9,  # of clicks by chance nothing can be foretold
}


class World:
    """The running installation that faults are done to.

    Args:
        users, items: ids of the people and of the catalogue.
        disk: what snapshots and the offline store are on; None where no disk could be mounted.
    """

    def __init__(
        self,
        services: LocalServices,
        proxy: Proxy,
        installation: Installation,
        disk: SmallDisk | None,
        users: list[str],
        items: list[str],
    ) -> None:
        assert isinstance(services.kafka, LocalService)
        assert isinstance(services.redis, LocalService)
        self.kafka, self.redis = services.kafka, services.redis
        self.proxy, self.installation, self.disk = proxy, installation, disk
        self.settings = installation.settings
        self.users, self.items = users, items
        self.ledger = Ledger()
        self.kept = Kept(installation)
        self._ports: dict[str, int] = {}
        self.url = f"http://127.0.0.1:{self.settings.serving_port}"

    def start(self) -> None:
        """Start every worker, and wait until it serves the catalogue."""
        send(
            self.settings, [item_upsert(0, item, title=item, event_id=item) for item in self.items]
        )
        self._ports = dict(zip(STREAMS, free_ports(2), strict=True))
        for name, port in self._ports.items():
            self.kept.start(name, "stream", stream_port=port)
        self.kept.start("trainer", "train")
        self.kept.start("serving", "serve")
        eventually(lambda: self.lists_items() == len(self.items), "the catalogue", START_S, 0.5)

    def lists_items(self) -> int:
        """How many items serving knows; 0 while it does not answer."""
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return 0
        return int(answer.get("items", 0))

    def answers(self) -> bool:
        """Return whether serving answers with a list."""
        try:
            body = {"user_id": self.users[0], "k": 5}
            return httpx.post(f"{self.url}/v1/recommend", json=body, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def stream_of_items(self) -> str:
        """The stream worker that has the items; the first one while nobody says so."""
        begins = f"{self.settings.topic_prefix}stream:worker:"
        try:
            with Redis.from_url(self.redis.address, socket_timeout=2) as client:
                keys = [key.decode() for key in client.scan_iter(f"{begins}*")]
                shards = [client.get(key) or b"" for key in keys]
        except RedisError:
            keys, shards = [], []
        owners = [k for k, own in zip(keys, shards, strict=True) if ITEM_SIDE in _split(own)]
        found = (name for name in STREAMS for k in owners if f":{self.kept[name].pid}:" in k)
        return next(found, STREAMS[0])

    def stream_of_users(self) -> str:
        """The other one, which has users alone."""
        return next(name for name in STREAMS if name != self.stream_of_items())

    def behind(self) -> int:
        """Messages of people that are on the broker and not in the features yet."""
        ends = sum(self.ends(topic.name) for topic in (INTERACTIONS, IMPRESSIONS))
        return ends - sum(position(self.direct, topic) for topic in (INTERACTIONS, IMPRESSIONS))

    def stream_port(self, name: str) -> int:
        """The port of a stream worker's metrics."""
        return self._ports[name]

    @property
    def direct(self) -> Settings:
        """Settings that reach Redis without the proxy."""
        return self.settings.model_copy(update={"redis_url": self.redis.address})

    def ends(self, topic: str) -> int:
        """How many messages a topic holds."""
        name = f"{self.settings.topic_prefix}{topic}"
        consumer = KafkaConsumer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        try:
            parts = [TopicPartition(name, n) for n in consumer.partitions_for_topic(name)]
            return sum(consumer.end_offsets(parts).values())
        finally:
            consumer.close()

    def snapshots(self) -> SnapshotReader:
        """The snapshots on disk."""
        return SnapshotReader(self.settings.snapshot_dir)

    def newest_version(self) -> int:
        """The newest snapshot on disk; 0 before the first."""
        return max(self.snapshots().versions(), default=0)

    def newest_snapshot(self) -> Path | None:
        """The folder of the newest one."""
        folders = sorted(self.settings.snapshot_dir.glob("v*"))
        return folders[-1] if folders else None

    def copy_of_redis(self, to: Path) -> None:
        """Copy what Redis has on disk."""
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.redis.folder, to, ignore_dangling_symlinks=True)


@contextmanager
def world(folder: Path, users: int, items: int) -> Iterator[World]:
    """Everything, on services of its own that may be killed.

    Raises:
        RuntimeError: the broker or Redis is somebody else's, or keeps messages in memory only.
    """
    with ExitStack() as stack:
        services = stack.enter_context(local_services(folder / "services"))
        if "external" in (services.kind, services.redis.kind) or not services.kafka.durable:
            raise RuntimeError(
                "Expected a broker and a Redis that may be killed and keep their data. "
                f"Received: {services.kind}, {services.redis.kind}."
            )
        redis_port = int(services.redis_url.rsplit(":", 1)[1].split("/")[0])
        proxy = Proxy(redis_port)
        stack.callback(proxy.close)
        disk = stack.enter_context(small_disk(folder / "data"))
        prefix = Installation.fresh_prefix("faults")
        proxied = services.redis_url.replace(f":{redis_port}/", f":{proxy.port}/")
        own = stack.enter_context(
            Installation(services.bootstrap_servers, proxied, prefix, folder, **SMALL)
        )
        own.create_topics()
        names = [f"u{n}" for n in range(users)], [f"i{n}" for n in range(items)]
        found = World(services, proxy, own, disk, *names)
        stack.callback(found.kept.stop)
        yield found


def _split(shards: bytes) -> list[str]:
    return shards.decode().split(",")
