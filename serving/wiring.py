"""Settings to objects: the one place where the worker is put together."""

import contextlib
import gc
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from aiokafka import ConsumerRecord
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from features.stores.commands import CommandClient, RedisCommands
from features.stores.redis_online import AsyncRedisOnlineStore
from features.topic_events import door
from millstream.clock import Clock, SystemClock
from millstream.domain import domain
from millstream.events import Event
from millstream.kafka_security import client_options
from millstream.redis_clients import async_redis_client
from millstream.settings import Settings
from millstream.snapshots import SnapshotReader
from millstream.topics import FEATURES, INTERACTIONS, ITEMS, SNAPSHOTS, USERS, Topic
from serving.admission import Admission
from serving.bootstrap import Bootstrap
from serving.catalogue.catalogue import Catalogue
from serving.consumers.broker import Broker, KafkaBroker
from serving.consumers.catalogue_updater import CatalogueUpdater
from serving.consumers.event_sampler import EventSampler
from serving.consumers.producer import EventProducer
from serving.consumers.score_follower import ScoreFollower
from serving.consumers.snapshots import SnapshotFollower
from serving.consumers.status_reporter import StatusReporter
from serving.consumers.topic_consumer import Handler, TopicConsumer
from serving.fusion.fusion import Fusion
from serving.fusion.kept import kept_fusion
from serving.http.schemas import ReadyAnswer
from serving.metrics import Metrics
from serving.model.loader import Loader
from serving.model.models import Models
from serving.model.programs import ProgramBuilder
from serving.people import People
from serving.recommend.lists import Lists
from serving.recommend.objectives import Objectives
from serving.recommend.options import ListOptions
from serving.recommend.quality import ListQuality
from serving.recommend.recommender import Dependencies, Recommender
from serving.remembered import Remembered
from serving.rerank.diversity_budget import DiversityBudget, kept_diversity
from serving.retrieval.item_index import IndexOptions
from serving.retrieval.kept_neighbours import kept_neighbours
from serving.retrieval.rankings import Rankings
from serving.retrieval.recall import RecallProbe
from serving.supervision import Start, Supervisor
from serving.users import StoredUsers
from serving.workers.siblings import Siblings
from serving.workers.together import Together

# Feature rows from so long before the start: those that the online store may not have had yet.
_OVERLAP_S = 60.0
# After so long the worker takes requests without what it still waits for: it degrades instead.
_PATIENCE_S = 20.0


@dataclass
class ServingWorker:
    """All parts of one process; `running` brings them to life.

    Args:
        broker: of its log; None is Kafka.
        store: the online store; None is Redis.
        builder: of networks; None builds them in this process.
        beside: what else runs in the process, by name.
        siblings: the other workers behind the same port; None where there are none.
    """

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    broker: Broker | None = None
    store: CommandClient | None = None
    builder: ProgramBuilder | None = None
    beside: Mapping[str, Start] = field(default_factory=dict)
    siblings: Siblings | None = None

    def __post_init__(self) -> None:
        settings, clock = self.settings, self.clock
        self.metrics = Metrics()
        self.supervisor = Supervisor(self.metrics.task_failures)
        self.catalogue = Catalogue(shows_unknown=settings.unknown_items == "show")
        self.rankings = Rankings(self.catalogue)
        self._broker = broker = self.broker or KafkaBroker(client_options(settings))
        self._store = client = self.store or _redis(settings)
        reader = SnapshotReader(settings.snapshot_dir)
        loader = Loader(
            reader,
            self.catalogue,
            clock,
            retriever_interval_s=settings.retriever_interval_s,
            indexing=IndexOptions(settings.index_exact_below, settings.index_share),
            builder=self.builder,
        )
        self.models = Models(loader, self.catalogue, self.metrics, clock)
        self.recall = RecallProbe(self.models.index, self.metrics, clock)
        self._remembered = remembered = Remembered()
        self.people = People(
            client,
            settings.feast_project,
            settings.topic_prefix,
            remembered,
            clock,
            lambda: self.models.erased_through,
            self.catalogue.people.forget,
        )
        self.producer = EventProducer(settings, broker, self.metrics, clock, taken=self._note)
        self.options = options = ListOptions.of(settings)
        self.admission = Admission(options.at_once, options.budget_s / 2, options.budget_s)
        self.objectives = Objectives(domain())
        self._score_follower = ScoreFollower(settings.data_dir, self.objectives, domain())
        self.fusion = Fusion(settings.list_fusion)
        self.diversity = DiversityBudget(settings.diversity_cost)
        self._kept = {
            "fusion": kept_fusion(self.fusion, settings.data_dir),
            "diversity": kept_diversity(self.diversity, settings.data_dir),
            "neighbours": kept_neighbours(self.catalogue.neighbours, settings.data_dir),
        }
        self.metrics.follow(self.fusion, self.diversity)
        self.recommender = Recommender(
            Dependencies(
                catalogue=self.catalogue,
                rankings=self.rankings,
                users=StoredUsers(client, settings.feast_project, settings.topic_prefix),
                model=lambda: self.models.current,
                log=self.producer.log,
                metrics=self.metrics,
                clock=clock,
                fusion=self.fusion,
                diversity=self.diversity,
                objectives=self.objectives,
            ),
            options,
            remembered=remembered,
        )
        self.quality = ListQuality(
            self.recommender.stages,
            remembered.user,
            self.catalogue,
            self.metrics,
            clock,
            self.fusion,
            self.diversity,
            settings.list_quality_interval_s,
            lambda: self.admission.is_busy,
        )
        self.lists = Lists(self.catalogue, self.rankings, lambda: self.models.current, clock)
        store = AsyncRedisOnlineStore(client, settings.feast_project)
        self.bootstrap = Bootstrap(store, self.catalogue, clock)
        self.follower = SnapshotFollower(reader, self.models, clock, self.metrics)
        port = settings.serving_port
        self._status_reporter = StatusReporter(
            self.models, self.follower, self.producer, clock, port
        )
        self.door = door(settings.max_event_bytes, settings.unknown_fields)
        self._items = CatalogueUpdater(
            self.catalogue,
            self.models,
            self.metrics,
            clock,
            settings.dedupe_window_s,
            self.door,
            keeps_people=options.uses_people,
        )
        self._sampler = EventSampler(
            broker,
            settings.topic(INTERACTIONS),
            self.quality.note,
            clock,
            settings.list_quality_interval_s,
            self.door,
        )
        self.items_consumer = self._topic_consumer(ITEMS, self._items.items)
        self.together = Together(self.metrics.registry, self.readiness, self.siblings)
        if self.siblings is not None:
            self.siblings.untold = self.metrics.untold_events.inc
        self._began = time.monotonic()

    def readiness(self) -> ReadyAnswer:
        """Ready when nothing is waited for, or after long enough, and every task runs."""
        waiting = [] if self.bootstrap.done.is_set() else ["catalogue"]
        if self.models.current is None and self.follower.expects_model:
            waiting.append("model")
        model, down = self.models.current, sorted(self.supervisor.down)
        is_patient = time.monotonic() - self._began <= _PATIENCE_S
        return ReadyAnswer(
            ready=not down and not (waiting and is_patient),
            model_version=str(model.version) if model else "",
            items=self.catalogue.items,
            score=self.objectives.versions.get("", ""),
            index_recall=self.recall.recall,
            waiting_for=waiting + [f"task {name}" for name in down],
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything that goes on beside the requests, watched by the supervisor."""
        now_s = self.clock.now()
        self._score_follower.look()
        for kept in self._kept.values():
            kept.read()
        start = self.supervisor.start
        async with self._closing(), self.supervisor.running():
            start("items", self.items_consumer.run)
            start(
                "features",
                self._topic_consumer(
                    FEATURES, self._items.features_in_steps, now_s - _OVERLAP_S
                ).run,
            )
            start("users", self._topic_consumer(USERS, self._forget_users, now_s).run)
            start("snapshots", self._topic_consumer(SNAPSHOTS, self.follower.announced, now_s).run)
            start("follower", self.follower.run)
            start("availability", self._items.keep_time)
            start("score", self._score_follower.run)
            start("recall", self.recall.run)
            for name, kept in self._kept.items():
                start(name, kept.run)
            if self.settings.list_quality_interval_s:
                start("sample", self._sampler.run)
            start("standing", self._status_reporter.run)
            start("bootstrap", self._bootstrap, ends=True)
            start("publisher", self.producer.run)
            start("settle", self._settle, ends=True)
            if self.siblings is not None:
                hear = partial(self.siblings.run, self.together.answers(), self._hear)
                start("siblings", hear)
            for name, run in self.beside.items():
                start(name, run)
            yield

    def _note(self, event: Event) -> None:
        """An event was taken: first asked, then told."""
        self.quality.note(event)
        self._hear(event)
        if self.siblings is not None:
            self.siblings.tell(event)

    def _hear(self, event: Event) -> None:
        """An event was taken here, or by another worker behind the same port."""
        self._remembered.note(event)
        self.people.note(event)

    def _forget_users(self, records: Sequence[ConsumerRecord]) -> None:
        """Forget people whom another worker, or anybody else, had erased."""
        for record in records:
            if record.value is None and record.key:
                self.people.forget(record.key.decode(errors="replace"))

    async def _bootstrap(self) -> None:
        await self.bootstrap.run(self.items_consumer.caught_up)

    @contextlib.asynccontextmanager
    async def _closing(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.recommender.close()
            self.models.close()
            await self._store.aclose()

    async def _settle(self) -> None:
        """Spare the collector what stays: walking through it would halt requests for long."""
        for is_there in (self.bootstrap.done, self.models.served):
            await is_there.wait()
            gc.collect()
            gc.freeze()

    def _topic_consumer(
        self, topic: Topic, handle: Handler, since_s: float | None = None
    ) -> TopicConsumer:
        left_out = self.metrics.feed_errors.labels(topic.name).inc
        name = self.settings.topic(topic)
        return TopicConsumer(self._broker, name, handle, since_s, left_out)


def _redis(settings: Settings) -> CommandClient:
    """A client that fails at once: requests have a next-best list, the bootstrap tries again."""
    return RedisCommands(
        async_redis_client(
            settings.redis_url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=1.0,
            socket_timeout=2.0,
        )
    )
