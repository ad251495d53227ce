"""A log by bucket against the stream's core on the same log: events per CPU second.

    python tests/bench/bench_backfill.py --events 200000

Both make the same feature rows and states. The core works in batches of 8,000 with everything in
memory, without Kafka, Redis and the store's encoding of rows; it also draws negatives and makes
examples. The run by bucket reads its events from a list, writes Parquet and the states. Each runs
in a process of its own, in turns; what reading JSON lines costs is measured apart.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from features.topic_events import STRICT
from millstream.codec import encode
from millstream.events import Event
from stream.history.engine import Engine
from stream.history.log_files import LogFile
from stream.history.sources import FileEvents
from stream.ingest.records import EventRecord
from stream.state.memory import Rules
from tests.support.stream_cases import MemoryStream, event_entry, interaction, item_upsert

USERS, ITEMS, BATCH = 20_000, 3_000, 8_000
KINDS = ("click", "click", "view", "rating")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=200_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--buckets", type=int, default=8)
    arguments.add_argument("--run", choices=CONTENDERS, help="one run in this process")
    chosen = arguments.parse_args()
    if chosen.run:
        print(json.dumps(CONTENDERS[chosen.run](chosen.events, chosen.buckets)))
        return
    found: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(chosen.rounds):
        for name, rates in found.items():
            own = ["--run", name, "--events", str(chosen.events), "--buckets", str(chosen.buckets)]
            done = subprocess.run([sys.executable, __file__, *own], capture_output=True, check=True)
            rates.append(json.loads(done.stdout))
    for name, rates in found.items():
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        print(f"{name:8} {statistics.median(rates):>10,.0f} events per CPU second ({spread})")


def events(count: int) -> Iterator[Event]:
    """Items, then what people do with them, the popular ones most."""
    rng = random.Random(1)
    for n in range(ITEMS):
        yield item_upsert(0, f"i{n}", title=f"Title {n}", categories=[f"c{n % 17}", f"c{n % 5}"])
    for n in range(count):
        item = int(ITEMS * rng.random() ** 2)
        kind = rng.choice(KINDS)
        value = float(rng.randint(1, 5)) if kind == "rating" else None
        user = f"u{rng.randrange(USERS)}"
        yield interaction(n * 0.05, user, f"i{item}", event_id=f"e{n}", kind=kind, value=value)


def records(count: int) -> list[EventRecord]:
    """The events as they come out of a topic."""
    return [event_entry(event, offset=n) for n, event in enumerate(events(count))]


def by_bucket(count: int, buckets: int) -> float:
    """Events per CPU second of a run by bucket, one process."""
    whole = records(count)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        Engine(Path(folder) / "out", Rules(), "bench", buckets=buckets).run(lambda: whole)
        return len(whole) / (time.process_time() - begun)


def core(count: int, buckets: int) -> float:
    """The same of the stream's core."""
    del buckets
    whole, stream = records(count), MemoryStream()
    begun = time.process_time()
    for start in range(0, len(whole), BATCH):
        stream.run_entries(whole[start : start + BATCH])
    return len(whole) / (time.process_time() - begun)


def reading(count: int, buckets: int) -> float:
    """The same of reading JSON lines, which a run by bucket does before all else."""
    del buckets
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        with path.open("wb") as file:
            file.writelines(encode(event) + b"\n" for event in events(count))
        begun = time.process_time()
        done = sum(1 for _ in FileEvents([LogFile(path)], STRICT))
        return done / (time.process_time() - begun)


CONTENDERS = {"bucket": by_bucket, "core": core, "reading": reading}

if __name__ == "__main__":
    main()
