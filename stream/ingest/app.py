"""The Faust app: one thin agent a topic, which hands chunks to whoever works on them."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import faust
from aiokafka import ConsumerRecord
from faust.types import TP

from millstream.kafka_security import client_options
from millstream.partitioning import origin_of
from millstream.settings import Settings
from millstream.topics import FEATURES, IMPRESSIONS, INTERACTIONS, ITEMS, TOUCHES, USERS, Topic
from stream.ingest.chunk import Chunk, ChunkSchema
from stream.ingest.records import SourceRecord, TopicPartition
from stream.ingest.transport import ChunkTransport

SOURCES = (ITEMS, TOUCHES, USERS, IMPRESSIONS, INTERACTIONS)

FETCH_RECORDS = 4_000
# A chunk is a whole fetch: a few of them are enough to never run dry.
BUFFERED_CHUNKS = 16
SESSION_TIMEOUT_S = 6.0
HEARTBEAT_S = 1.0  # how soon a worker hears that another one is gone
METADATA_MS = 5_000  # how soon a topic that was made anew is found


class Agents(Protocol):
    """Receiver of the agents' chunks."""

    async def assigned(self, ends: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """The positions to read on from, where there are any; `ends` are past the last offsets."""
        ...

    async def revoked(self) -> None:
        """Partitions are taken away: others may have them as soon as this returns."""
        ...

    def take(
        self,
        source: TopicPartition,
        records: list[SourceRecord],
        after: int | None,
        behind: int,
        ack: Callable[[], object],
    ) -> None:
        """A chunk of one partition.

        Args:
            after: the offset at which the chunk before it ended, if there was one.
            behind: how many records there are beyond it.
        """
        ...

    def failed(self, error: Exception) -> None:
        """A chunk could not be taken: none may be taken after it."""
        ...


def build_app(settings: Settings, agents: Agents) -> faust.App:
    """The app, not yet started."""
    servers = settings.kafka_bootstrap_servers.split(",")
    app = faust.App(
        f"{settings.topic_prefix}stream",
        broker=[f"kafka://{server}" for server in servers],
        broker_credentials=_credentials(settings),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        datadir=settings.data_dir / "faust",
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_max_poll_records=FETCH_RECORDS,
        consumer_metadata_max_age_ms=METADATA_MS,
        stream_buffer_maxsize=BUFFERED_CHUNKS,
        producer_acks=-1,
        stream_wait_empty=False,
    )
    names = {settings.topic(topic): topic for topic in (*SOURCES, FEATURES)}
    positions = _positions(names, agents)
    app.transport = ChunkTransport(app.conf.broker_consumer, app, positions, agents.revoked)
    for name, topic in names.items():
        _add_agent(app, name, topic, agents)
    return app


def _credentials(settings: Settings) -> Any:
    """How the brokers are spoken to, as Faust has it; None for plain text."""
    options = client_options(settings)
    context = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)


def _positions(names: Mapping[str, Topic], agents: Agents) -> Any:
    async def positions(ends: Mapping[TP, int]) -> dict[TP, int]:
        sources = {TopicPartition(names[tp.topic].name, tp.partition): tp for tp in ends}
        known = await agents.assigned({source: ends[tp] for source, tp in sources.items()})
        return {sources[source]: offset for source, offset in known.items()}

    return positions


def _add_agent(app: faust.App, name: str, topic: Topic, agents: Agents) -> None:
    async def agent(stream: Any) -> None:
        try:
            async for event in stream.noack().events():
                message, chunk = event.message, event.value
                if chunk.era != app.consumer.era:
                    continue  # of before an assignment: it is read again
                source = TopicPartition(topic.name, message.partition)
                behind = (app.consumer.highwater(message.tp) or 0) - message.offset - 1
                agents.take(source, _records(source, chunk), chunk.after, behind, event.ack)
        except Exception as error:
            # Faust would start the agent anew, without the chunk.
            agents.failed(error)
            raise

    app.agent(app.topic(name, schema=ChunkSchema()), name=topic.name)(agent)


def _records(source: TopicPartition, chunk: Chunk) -> list[SourceRecord]:
    return [
        SourceRecord(source, record.offset, record.key, record.value, record.timestamp / 1000.0)
        if not record.headers
        else _moved(source, record)
        for record in chunk
    ]


def _moved(source: TopicPartition, record: ConsumerRecord) -> SourceRecord:
    """A record with headers, which may say that it was moved."""
    origin = origin_of(record.headers)
    stamp_s = record.timestamp / 1000.0 if origin is None else origin.timestamp_s
    return SourceRecord(source, record.offset, record.key, record.value, stamp_s, origin)
