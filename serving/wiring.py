"""Settings to objects: the one place where the worker is put together."""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from features.stores.redis_online import AsyncRedisOnlineStore
from millstream.clock import Clock, SystemClock
from millstream.settings import Settings
from millstream.snapshots import SnapshotReader
from millstream.topics import FEATURES, ITEMS, SNAPSHOTS, Topic
from serving.bootstrap import Bootstrap
from serving.catalogue.catalogue import Catalogue
from serving.feeds.feed import Feed, Handler
from serving.feeds.items import ItemFeeds
from serving.feeds.publisher import Publisher
from serving.feeds.snapshots import SnapshotFollower
from serving.http.schemas import ReadyAnswer
from serving.metrics import Metrics
from serving.model.loader import Loader
from serving.model.models import Models
from serving.recommend.lists import Lists
from serving.recommend.options import Options
from serving.recommend.recommender import Recommender, Surroundings
from serving.retrieval.rankings import Rankings
from serving.users import RedisUsers

_log = logging.getLogger(__name__)

# Feature rows from so long before the start: those that the online store may not have had yet.
_OVERLAP_S = 60.0
# After so long the worker takes requests without what it still waits for: it degrades instead.
_PATIENCE_S = 20.0


@dataclass
class Worker:
    """All parts of one process; `running` brings them to life."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        settings, clock = self.settings, self.clock
        self.metrics = Metrics()
        self.catalogue = Catalogue()
        self.rankings = Rankings(self.catalogue)
        self.redis = _redis(settings)
        store = AsyncRedisOnlineStore(self.redis, settings.feast_project)
        reader = SnapshotReader(settings.snapshot_dir)
        loader = Loader(reader, self.catalogue, clock)
        self.models = Models(loader, self.catalogue, self.metrics, clock)
        self.publisher = Publisher(settings, self.metrics, clock)
        self.recommender = Recommender(
            Surroundings(
                catalogue=self.catalogue,
                rankings=self.rankings,
                users=RedisUsers(self.redis, settings.feast_project, settings.topic_prefix),
                model=lambda: self.models.current,
                log=self.publisher.log,
                metrics=self.metrics,
                clock=clock,
            ),
            Options.of(settings),
        )
        self.lists = Lists(self.catalogue, self.rankings, lambda: self.models.current, clock)
        self.bootstrap = Bootstrap(store, self.catalogue, clock)
        self.follower = SnapshotFollower(reader, self.models, clock)
        self._items = ItemFeeds(self.catalogue, self.models, self.metrics, clock)
        self._began = time.monotonic()

    def readiness(self) -> ReadyAnswer:
        """Ready when nothing is waited for, or after long enough."""
        waiting = [] if self.bootstrap.done.is_set() else ["catalogue"]
        if self.models.current is None and self.follower.expects_model:
            waiting.append("model")
        model = self.models.current
        return ReadyAnswer(
            ready=not waiting or time.monotonic() - self._began > _PATIENCE_S,
            model_version=str(model.version) if model else "",
            items=len(self.catalogue),
            waiting_for=waiting,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything that goes on beside the requests."""
        items = self._feed(ITEMS, self._items.items)
        now_s = self.clock.now()
        tasks = [
            items.run(),
            self._feed(FEATURES, self._items.features, now_s - _OVERLAP_S).run(),
            self._feed(SNAPSHOTS, self.follower.announced, now_s).run(),
            self.follower.run(),
            self.bootstrap.run(items.caught_up),
            self.publisher.run(),
            self._settle(),
        ]
        running = [asyncio.create_task(task) for task in tasks]
        for task in running:
            task.add_done_callback(_report)
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            self.models.close()
            await self.redis.aclose()

    async def _settle(self) -> None:
        """Spare the collector what stays: walking through it would halt requests for long."""
        for is_there in (self.bootstrap.done, self.models.served):
            await is_there.wait()
            gc.collect()
            gc.freeze()

    def _feed(self, topic: Topic, handle: Handler, since_s: float | None = None) -> Feed:
        servers = self.settings.kafka_bootstrap_servers
        return Feed(servers, self.settings.topic(topic), handle, since_s)


def _report(task: asyncio.Task[None]) -> None:
    """Say it where something ended that goes on until it is cancelled."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("%s ended.", task.get_coro(), exc_info=error)


def _redis(settings: Settings) -> Redis:
    """A client that fails at once: requests have a next-best list, the bootstrap tries again."""
    return Redis.from_url(
        settings.redis_url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=1.0,
        socket_timeout=2.0,
    )
