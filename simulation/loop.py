"""The composition of all cores: events in, lists out, on simulated time.

send -> stream -> touches -> stream -> examples -> trainer -> snapshot -> serving -> ask
              \\-> features <-/ ------------------------------------------^
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from millstream.events import Event, Impression
from millstream.settings import Settings
from millstream.snapshots import Announcement
from millstream.topics import (
    EXAMPLES,
    FEATURES,
    IMPRESSIONS,
    INTERACTIONS,
    ITEMS,
    TOUCHES,
    USERS,
    Topic,
)
from serving.recommend.query import Query, Recommendation
from serving.recommend.request import Ranked
from serving.retrieval.source import RetrievalRequest
from simulation.answering import Answering
from simulation.broker import SimulatedBroker, record_of
from simulation.cadence import Cadence
from simulation.clock import SimulatedClock
from simulation.learning import Learning
from simulation.store import SimulatedStore
from stream.ingest.records import SourceRecord, TopicPartition
from stream.metrics import StreamMetrics
from stream.state.memory import Rules, empty_memory
from stream.worker import ConsumerControl, StreamWorker

INPUTS = (ITEMS, TOUCHES, USERS, INTERACTIONS, IMPRESSIONS)


def nobody_watches(wanted: RetrievalRequest, ranked: Ranked) -> None:
    """See nothing of how a list is made."""


class Loop:
    """All workers of one installation in one process.

    Args:
        settings: as the live workers would have them.
        folder: for the snapshots; empty.
        cadence: the rhythm.
        start_s: when simulated time begins, Unix seconds.
        log: takes the log of each list; None puts it into topic `impressions`, as serving does.
        watch: sees the candidates of each list.
        seed: of exploration.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        cadence: Cadence,
        start_s: float,
        log: Callable[[Impression], None] | None = None,
        watch: Callable[[RetrievalRequest, Ranked], None] = nobody_watches,
        seed: int = 0,
    ) -> None:
        chosen = settings.model_copy(update={"data_dir": folder})
        self.clock, self.broker = SimulatedClock(start_s), SimulatedBroker()
        self.store = SimulatedStore(chosen.feast_project)
        rules = Rules.of(chosen)
        self.stream = StreamWorker(
            empty_memory(rules),
            rules,
            self.store,
            self.broker,
            StreamMetrics(CollectorRegistry()),
            self.clock,
            ConsumerControl(hold=lambda source, held: None),
        )
        self.learning = Learning(chosen, self.clock, cadence.snapshot_s, self._announced)
        self.answering = Answering(
            chosen, self.clock, self.store, log or self.broker.send, watch, seed
        )
        self._wanted: int | None = None

    async def start(self) -> None:
        """Assign every partition to the stream worker."""
        sources = [TopicPartition(t.name, n) for t in INPUTS for n in range(t.partitions)]
        await self.stream.assign(dict.fromkeys(sources, 0))

    def send(self, event: Event) -> None:
        """Put an event into its topic; the next `tick` works on it."""
        self.broker.send(event)

    async def tick(self, now_s: float) -> None:
        """Let every worker do what there is to do at `now_s`."""
        self.clock.set(now_s)
        self._deliver(INPUTS)
        while await self.stream.turn() or self._deliver((TOUCHES,)):
            pass
        self.learning.consume(self.broker.take(EXAMPLES))
        self.answering.feeds.features(self.broker.take(FEATURES))
        self.answering.feeds.pass_time()
        await self._serve()

    async def publish(self) -> None:
        """Take a snapshot and serve it, whatever the cadence."""
        self.learning.publish()
        await self._serve()

    async def ask(self, query: Query, now_s: float) -> Recommendation:
        """A list, made at `now_s`."""
        self.clock.set(now_s)
        return await self.answering.recommender.recommend(query)

    def close(self) -> None:
        """End the thread that loads snapshots."""
        self.answering.models.close()

    def _deliver(self, topics: Sequence[Topic]) -> bool:
        """Give everything that was sent to the workers that read it; whether there was anything."""
        is_any = False
        for topic in topics:
            messages = self.broker.take(topic)
            is_any = is_any or bool(messages)
            if topic is ITEMS and messages:
                self.answering.feeds.items(messages)
            chunks: dict[TopicPartition, list[SourceRecord]] = {}
            for record in map(record_of, messages):
                chunks.setdefault(record.source, []).append(record)
            for source, records in chunks.items():
                self.stream.put(source, records, behind=False, ack=_nothing)
        return is_any

    def _announced(self, announcement: Announcement) -> None:
        if announcement.status != "held":
            self._wanted = announcement.version

    async def _serve(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            await self.answering.serve(wanted)


def _nothing() -> None:
    """There is no consumer group to tell."""
