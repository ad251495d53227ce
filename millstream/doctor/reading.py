"""Inputs of the checks, read from Kafka, Redis and the serving worker."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError
from redis import Redis
from redis.exceptions import RedisError

from millstream import kafka
from millstream.doctor.kafka_checks import TopicState
from millstream.doctor.serving_checks import Ready
from millstream.doctor.stream_checks import Positions, parsed_positions
from millstream.errors import LogUnavailable, StoreUnavailable
from millstream.redis_clients import redis_client
from millstream.settings import Settings
from millstream.topics import TOPICS, Topic

HTTP_TIMEOUT_S = 3.0
REDIS_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class RedisState:
    """State of Redis.

    Args:
        info: of the command INFO.
        ahead_s: by how much this machine's clock is ahead of the server's.
        workers: shards of each stream worker that is alive, by its name.
        positions: of the stream worker.
        logs: identities of the topics that the positions are of.
    """

    info: Mapping[str, Any]
    ahead_s: float
    workers: Mapping[str, Sequence[str]]
    positions: Positions
    logs: Mapping[str, str]


def stream_key(settings: Settings, name: str) -> str:
    """A key of the stream's state in Redis, as `stream/storage/schema.py` names it."""
    return f"{settings.topic_prefix}stream:{name}"


def read_topics(settings: Settings) -> dict[Topic, TopicState]:
    """The topics as the brokers have them; those that are not there are left out.

    Raises:
        LogUnavailable: no broker answers.
    """
    names = {settings.topic(topic): topic for topic in TOPICS}
    client = kafka.admin(settings)
    try:
        told = [each for each in client.describe_topics(list(names)) if not each["error_code"]]
        configs = _configs(client, [each["name"] for each in told])
        offsets = _offsets(settings, told)
    except KafkaError as error:
        raise LogUnavailable(f"Topics cannot be read: {error!r}") from error
    finally:
        client.close()
    return {
        names[each["name"]]: TopicState(
            str(each.get("topic_id") or ""),
            *offsets[each["name"]],
            configs.get(each["name"], {}),
            sum(part["leader_id"] < 0 for part in each["partitions"]),
            sum(len(p["isr_nodes"]) < len(p["replica_nodes"]) for p in each["partitions"]),
        )
        for each in told
    }


def read_redis(settings: Settings) -> RedisState:
    """State of Redis, and of the stream in it.

    Raises:
        StoreUnavailable: it does not answer, or refuses.
    """
    timeouts = {"socket_timeout": REDIS_TIMEOUT_S, "socket_connect_timeout": REDIS_TIMEOUT_S}
    client = redis_client(settings.redis_url, decode_responses=True, **timeouts)
    try:
        asked_at = time.time()
        seconds, micros = cast(tuple[int, int], client.time())
        ahead_s = (asked_at + time.time()) / 2 - (seconds + micros / 1e6)
        stored = cast(dict[str, str], client.hgetall(stream_key(settings, "positions")))
        return RedisState(
            info=cast(dict[str, Any], client.info()),
            ahead_s=ahead_s,
            workers=_workers(client, stream_key(settings, "worker:")),
            positions=parsed_positions(stored),
            logs=cast(dict[str, str], client.hgetall(stream_key(settings, "logs"))),
        )
    except RedisError as error:
        raise StoreUnavailable(f"Redis cannot be read: {error}") from error
    finally:
        client.close()


def _workers(client: Redis, begins: str) -> dict[str, list[str]]:
    keys = list(client.scan_iter(match=f"{begins}*"))
    told = cast(list[str | None], client.mget(keys)) if keys else []
    return {
        key.removeprefix(begins): [shard for shard in said.split(",") if shard]
        for key, said in zip(keys, told, strict=True)
        if said is not None
    }


def read_ready(settings: Settings) -> Ready:
    """The answer of the serving worker's `/readyz`."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    url = f"http://{host}:{settings.serving_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as answer:
            return Ready(url, answer.status, _object(answer.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Ready(url, error.code, _object(error.read()))
    except OSError:
        return Ready(url, None)


def _configs(client: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    told = client.describe_configs(resources, config_filter="all").get("topic", {})
    return {
        name: {key: str(entry["value"]) for key, entry in entries.items()}
        for name, entries in told.items()
    }


def _offsets(
    settings: Settings, told: list[dict[str, Any]]
) -> dict[str, tuple[dict[int, int], dict[int, int]]]:
    """First offsets, and one past the last, of each partition."""
    reader = kafka.consumer(settings, group_id=None)
    try:
        places = [
            TopicPartition(each["name"], part["partition_index"])
            for each in told
            for part in each["partitions"]
        ]
        begins, ends = reader.beginning_offsets(places), reader.end_offsets(places)
    finally:
        reader.close()
    found: dict[str, tuple[dict[int, int], dict[int, int]]] = {e["name"]: ({}, {}) for e in told}
    for place in places:
        found[place.topic][0][place.partition] = begins[place]
        found[place.topic][1][place.partition] = ends[place]
    return found


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
