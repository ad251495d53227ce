"""The Kafka side of the vocabulary: where an event goes, and clients with our settings."""

from typing import Any

from aiokafka.record.util import calc_crc32c
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.record import default_records

from millstream.errors import LogUnavailable
from millstream.events import Event, Impression, Interaction, ItemUpsert, UserUpsert
from millstream.kafka_security import client_options
from millstream.settings import Settings
from millstream.topics import (
    BY_USER,
    IMPRESSIONS,
    INTERACTIONS,
    ITEMS,
    OF_ITEMS,
    TOPICS,
    USERS,
    Topic,
    check_item_partitions,
    user_partitions,
)

# kafka-python sums up every byte that is sent or fetched in Python (7 MB/s), unless a package under
# the LGPL is there. Of Faust's client comes the same sum in C.
default_records.calc_crc32c = calc_crc32c

# How long a client looks for a broker before it says that there is none.
BOOTSTRAP_TIMEOUT_MS = 15_000

_ROUTES: dict[type[Event], tuple[Topic, str]] = {
    Interaction: (INTERACTIONS, "user_id"),
    Impression: (IMPRESSIONS, "user_id"),
    ItemUpsert: (ITEMS, "item_id"),
    UserUpsert: (USERS, "user_id"),
}


def route(event: Event) -> tuple[Topic, bytes]:
    """The topic of an event, and its key."""
    topic, key = _ROUTES[type(event)]
    return topic, getattr(event, key).encode()


def producer(settings: Settings, **options: Any) -> KafkaProducer:
    """A producer that waits for all replicas and keeps order; `options` as kafka-python has them.

    Raises:
        LogUnavailable: no broker answers.
    """
    defaults: dict[str, Any] = {
        "acks": "all",
        "linger_ms": 5,
        "max_in_flight_requests_per_connection": 1,
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
    }
    try:
        return KafkaProducer(**{**client_options(settings), **defaults, **options})
    except KafkaError as error:
        raise _unavailable(settings, error) from error


def consumer(settings: Settings, **options: Any) -> KafkaConsumer:
    """A consumer; `options` as kafka-python has them.

    Raises:
        LogUnavailable: no broker answers.
    """
    defaults: dict[str, Any] = {
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
    }
    try:
        return KafkaConsumer(**{**client_options(settings), **defaults, **options})
    except KafkaError as error:
        raise _unavailable(settings, error) from error


def admin(settings: Settings) -> KafkaAdminClient:
    """A client for topics.

    Raises:
        LogUnavailable: no broker answers.
    """
    options = client_options(settings)
    try:
        return KafkaAdminClient(bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS, **options)
    except KafkaError as error:
        raise _unavailable(settings, error) from error


def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are not there yet; returns the names of the new ones.

    Those keyed by user get as many partitions as the ones that are there have.

    Raises:
        ConfigurationError: topics that belong together have other numbers of partitions.
        LogUnavailable: no broker answers, or it refuses.
    """
    client = admin(settings)
    try:
        present = set(client.list_topics())
        missing = [topic for topic in TOPICS if settings.topic(topic) not in present]
        of_items = [settings.topic(topic) for topic in OF_ITEMS if topic not in missing]
        check_item_partitions(_partitions(client, of_items))
        by_user = [settings.topic(topic) for topic in BY_USER if topic not in missing]
        counts = dict.fromkeys(BY_USER, user_partitions(_partitions(client, by_user)))
        return [
            settings.topic(topic)
            for topic in missing
            if _create(client, settings, topic, counts.get(topic, topic.partitions))
        ]
    except KafkaError as error:
        raise LogUnavailable(f"Topics not created: {error}") from error
    finally:
        client.close()


def _partitions(client: KafkaAdminClient, names: list[str]) -> dict[str, int]:
    told = client.describe_topics(names) if names else []
    return {each["name"]: len(each["partitions"]) for each in told if not each["error_code"]}


def _create(client: KafkaAdminClient, settings: Settings, topic: Topic, partitions: int) -> bool:
    """Create the topic; False if it was there: another process may have been quicker."""
    new = NewTopic(settings.topic(topic), partitions, -1, topic_configs=topic.config())
    try:
        client.create_topics([new])
    except TopicAlreadyExistsError:
        return False
    return True


def _unavailable(settings: Settings, error: KafkaError) -> LogUnavailable:
    return LogUnavailable(
        f"No Kafka broker answers at {settings.kafka_bootstrap_servers} "
        f"(KAFKA_BOOTSTRAP_SERVERS): {error}"
    )
