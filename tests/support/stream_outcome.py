"""What a stream worker has brought about, read from the outside: topics, Redis, Parquet."""

from collections.abc import Iterable
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from kafka import KafkaConsumer
from redis import Redis

from features.feature import View
from features.stores.parts import parts_in
from features.stores.redis_online import RedisOnlineStore
from features.stores.schema import view_schema
from millstream.batches import decode_table, metadata_of
from millstream.events import Event
from millstream.kafka import producer
from millstream.publishing import EventPublisher
from millstream.settings import Settings
from millstream.topics import EXAMPLES, INTERACTIONS, Topic
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape

# How long a topic must be silent to be read to its end, whatever the broker says of that.
QUIET_MS = 3_000
# Columns that say when and where a row was made, not what it is.
INCIDENTAL = ("published_at", "source_partition", "source_offset", "created")


def send(settings: Settings, events: Iterable[Event], **options: Any) -> int:
    """Publish events and wait until the broker has them; how many.

    Args:
        **options: of the producer, as kafka-python has them.
    """
    client = producer(settings, **options)
    publisher = EventPublisher(client, settings)
    count = 0
    for event in events:
        publisher.send(event)
        count += 1
    publisher.flush()
    client.close()
    return count


def processed(own: Installation) -> float:
    """How many events the present worker has worked on, duplicates and refused ones too."""
    samples = scrape(own.settings.stream_metrics_port)
    return sum(v for n, v in samples.items() if n.startswith("millstream_stream_events_total"))


def wait_processed(own: Installation, count: float, timeout_s: float = 60.0) -> None:
    """Wait until the present worker has worked on `count` events."""
    eventually(lambda: processed(own) >= count, f"{count} events processed", timeout_s)


def position(settings: Settings, topic: Topic) -> int:
    """How many messages of a topic are worked on and in the store, over all workers so far.

    Partitions of interactions whose items are not worked on yet lack one.
    """
    client = Redis.from_url(settings.redis_url)
    begins = f"{settings.topic_prefix}stream:"
    kept, asked, touched, logs = (
        cast(dict[bytes, bytes], client.hgetall(f"{begins}{name}"))
        for name in ("positions", "asked", "touched", "logs")
    )
    client.close()
    name = f"{topic.name}:".encode()
    done = sum(int(offset) for source, offset in kept.items() if source.startswith(name))
    if topic is not INTERACTIONS:
        return done
    now = {b"%s:%s" % (logs.get(source, b""), source.rpartition(b":")[2]) for source in kept}
    return done - sum(int(touched.get(at, -1)) < int(asked[at]) for at in now & asked.keys())


def examples(settings: Settings) -> list[dict[str, Any]]:
    """Every example, as a consumer keeps it: rows at or below the positions seen are dropped."""
    seen: dict[tuple[str, int], int] = {}
    rows: list[dict[str, Any]] = []
    for value in _all_values(settings, settings.topic(EXAMPLES)):
        table = decode_table(value)
        source = metadata_of(table)["source_topic"]
        new = [
            row
            for row in table.to_pylist()
            if row["source_offset"] > seen.get((source, row["source_partition"]), -1)
        ]
        for row in new:
            place = (source, row["source_partition"])
            seen[place] = max(seen.get(place, -1), row["source_offset"])
        rows += new
    return rows


def _all_values(settings: Settings, topic: str) -> list[bytes]:
    """Every message of a topic: until none has come for a while."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=QUIET_MS,
    )
    values = [message.value for message in consumer]
    consumer.close()
    return values


def online(settings: Settings, view: View, ids: list[str]) -> list[dict[str, Any]]:
    """The online rows of a view."""
    client = Redis.from_url(settings.redis_url)
    (table,) = RedisOnlineStore(client, settings.feast_project).read([(view, ids)])
    client.close()
    return table.to_pylist()


def offline(settings: Settings, view: View) -> pa.Table:
    """The rows of a view's part files."""
    folder = settings.offline_dir / view.name
    tables = [pq.read_table(folder / part.name) for part in parts_in(folder)]
    return pa.concat_tables([view_schema(view).empty_table(), *tables])


def plain(rows: Iterable[dict[str, Any]], *key: str) -> list[dict[str, Any]]:
    """Rows in the order of `key`, without what is incidental."""
    kept = ({k: v for k, v in row.items() if k not in INCIDENTAL} for row in rows)
    return sorted(kept, key=lambda row: [row[name] for name in key])
