"""What an event, a request, a user and an item cost: the figures of the capacity table.

    python -m tests.bench.bench_capacity [--rate 500] [--requests 25] [--seconds 60] [--warm-up 20]

Every worker, a real broker and a real Redis; ratings at a steady rate, requests for lists beside
them. Prints cores and memory of each process (its children with it) while that goes on, what Redis
holds of a user and of an item, and how many bytes of each topic an event makes. The formulas are in
docs/operations.md, Capacity.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from kafka import KafkaConsumer, TopicPartition
from redis import Redis
from rich.console import Console
from rich.table import Table

from features import bloom
from features.feature import View
from features.spec import ITEM_STATS, USER_STATS
from features.stores.redis_online import Layouts
from millstream import kafka
from millstream.demo.environment import Environment, services, workers
from millstream.demo.replay import Replay
from millstream.publishing import EventPublisher
from millstream.settings import Settings
from millstream.topics import EXAMPLES, FEATURES, INTERACTIONS, TOUCHES
from tests.bench.bench_freshness import ITEMS, USERS, catalogue, ratings
from tests.bench.bench_recommend import measured

console = Console()
# Words of a command line, by the name of what it runs.
PROCESSES = {
    "stream": "cli stream",
    "trainer": "cli train",
    "serving": "cli serve",
    "broker": "kafka",
    "Redis": "redis-server",
}
MIB = 1 << 20


def usage() -> dict[str, tuple[float, float]]:
    """CPU seconds so far and resident MiB, by the name of what runs below this process."""
    found: dict[str, tuple[float, float]] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            line, times = " ".join(process.cmdline()), process.cpu_times()
            resident = process.memory_info().rss / MIB
        except psutil.Error:  # it has just ended
            continue
        name = next((n for n, words in PROCESSES.items() if words in line), None)
        if name is not None and "supervisor" not in line:
            cpu_s, memory = found.get(name, (0.0, 0.0))
            found[name] = cpu_s + times.user + times.system, memory + resident
    return found


def redis_bytes(settings: Settings) -> dict[str, float]:
    """Mean bytes that Redis holds of a user and of an item: state, features, filters."""
    layouts = Layouts(settings.feast_project)
    prefix, state = settings.topic_prefix, f"{settings.topic_prefix}stream:"

    def keys(kind: str, view: View, number: int) -> list[str | bytes]:
        own: list[str | bytes] = [f"{state}{kind}:{number}", layouts.entity_key(view, str(number))]
        if kind == "user":
            own += [bloom.key(prefix, str(number), slot) for slot in range(bloom.SLOTS)]
        return own

    found = {}
    with Redis.from_url(settings.redis_url) as client:
        for kind, view, count in (("user", USER_STATS, USERS), ("item", ITEM_STATS, ITEMS)):
            known = [n for n in range(count) if client.exists(f"{state}{kind}:{n}")]
            sizes = [
                client.memory_usage(k, samples=0) or 0 for n in known for k in keys(kind, view, n)
            ]
            found[kind] = sum(sizes) / max(len(known), 1)
    return found


def message_bytes(settings: Settings, events: int) -> Mapping[str, float]:
    """Bytes of keys and values in each topic, for each event."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    found = {}
    for topic in (INTERACTIONS, TOUCHES, EXAMPLES, FEATURES):
        name = settings.topic(topic)
        parts = [TopicPartition(name, n) for n in consumer.partitions_for_topic(name) or ()]
        ends, total = consumer.end_offsets(parts), 0
        consumer.assign(parts)
        consumer.seek_to_beginning()
        while any(consumer.position(part) < end for part, end in ends.items()):
            for records in consumer.poll(1_000).values():
                total += sum(len(r.key or b"") + len(r.value or b"") for r in records)
        found[topic.name] = total / events
    consumer.close()
    return found


def loaded(environment: Environment, options: argparse.Namespace) -> None:
    """Run everything under load, and print what it took."""
    settings, count = environment.settings, int(options.rate * (options.warm_up + options.seconds))
    publisher = EventPublisher(kafka.producer(settings), settings)
    replay = Replay(publisher, catalogue(time.time()), ratings(count, options.rate), options.rate)
    replay.start()
    time.sleep(options.warm_up)
    before, begun_s = usage(), time.perf_counter()
    if options.requests:
        asked = measured(settings.serving_port, options.requests, options.seconds - 5.0, seed=1)
    time.sleep(max(begun_s + options.seconds - 1.0 - time.perf_counter(), 0.0))
    after, took_s = usage(), time.perf_counter() - begun_s
    replay.join()
    table = Table("process", "cores", "resident MiB", title=f"{options.rate:g} events/s")
    for name, (cpu_s, memory) in after.items():
        cores = (cpu_s - before.get(name, (0.0, 0.0))[0]) / took_s
        table.add_row(name, f"{cores:.2f}", f"{memory:,.0f}")
    console.print(table)
    if options.requests:
        console.print(
            f"{options.requests:g} requests/s: p50 {asked['p50']:.1f} ms, p99 {asked['p99']:.1f}"
        )
    time.sleep(5.0)
    for kind, size in redis_bytes(settings).items():
        console.print(f"Redis: {size:,.0f} bytes a {kind}")
    for name, size in message_bytes(settings, count).items():
        console.print(f"topic {name}: {size:,.0f} bytes an event")


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=500.0, help="events a second")
    parser.add_argument("--requests", type=float, default=25.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="that are measured")
    parser.add_argument("--warm-up", type=float, default=20.0, help="seconds before them")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        services(Path(folder)) as environment,
        workers(environment),
    ):
        loaded(environment, options)


if __name__ == "__main__":
    main()
