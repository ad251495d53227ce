"""A ranker that is changed in the middle of a stream, with every worker and while lists are asked.

    python tests/bench/bench_changed_model.py                     # 200,000 events
    python tests/bench/bench_changed_model.py --events 20000 --rate 100 --ranker deepfm

A real broker, a real Redis, and the stream, trainer and serving processes. Users like the items of
their taste. In the middle the trainer is restarted with another ranker; lists are asked all the
time. Afterwards all examples are learnt once more by a trainer that never changes. Printed are the
answers by outcome, the events that the stream did not count, when the new ranker took over, and the
progressive AUC of the newest rows, five minutes after the change and at the end, beside that of the
unchanged trainer after the same examples.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from deploy.local import local_services
from millstream.events import Interaction, ItemUpsert
from millstream.kafka import producer
from millstream.publishing import EventPublisher, paced
from millstream.snapshots import SnapshotReader
from online_trainer.io.consumer import ExamplesConsumer
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape

USERS, ITEMS, TASTES = 2_000, 600, 3
FIVE_MINUTES_S = 300.0
COUNTED = 'millstream_stream_events_total{kind="interaction"}'
LAG = "millstream_trainer_lag_messages"


def interactions(count: int, rate: float) -> Iterator[Interaction]:
    """Ratings at a steady rate from now on: 5 where the tastes agree, but for one in ten."""
    chance, start_s = random.Random(1), time.time()
    for number in range(count):
        user, item = chance.randrange(USERS), chance.randrange(ITEMS)
        likes = (user % TASTES == item % TASTES) != (chance.random() < 0.1)
        yield Interaction(
            event_id=f"rating-{number}",
            event_time=start_s + number / rate,
            user_id=f"u{user}",
            item_id=f"i{item}",
            kind="rating",
            value=5.0 if likes else 1.0,
        )


class Asking(threading.Thread):
    """Asks for lists at a steady rate, and counts the answers by outcome."""

    def __init__(self, url: str, rate: float) -> None:
        super().__init__(daemon=True)
        self.outcomes: Counter[str] = Counter()
        self._url, self._rate, self._stopped = url, rate, threading.Event()

    def run(self) -> None:
        """Ask until `stop`."""
        chance = random.Random(2)
        with httpx.Client(base_url=self._url, timeout=10) as client:
            while not self._stopped.wait(1.0 / self._rate):
                body = {"user_id": f"u{chance.randrange(USERS)}", "k": 10}
                try:
                    answer = client.post("/v1/recommend", json=body)
                except httpx.HTTPError as error:
                    self.outcomes[type(error).__name__] += 1
                    continue
                found = answer.json() if answer.status_code == 200 else {}
                whole = "degraded" if found.get("degraded") else "whole"
                self.outcomes[whole if found else f"status {answer.status_code}"] += 1

    def stop(self) -> None:
        """End."""
        self._stopped.set()
        self.join()


def main() -> None:
    """Run it, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=500.0, help="events a second")
    parser.add_argument("--asked", type=float, default=20.0, help="lists a second")
    parser.add_argument("--ranker", default="deepfm", help="the new one")
    chosen = parser.parse_args()
    with local_services() as services, tempfile.TemporaryDirectory() as folder:
        place = (services.bootstrap_servers, services.redis_url, Installation.fresh_prefix("model"))
        with Installation(*place, Path(folder)) as own:
            bench(own, chosen)


def bench(own: Installation, chosen: argparse.Namespace) -> None:
    """The whole run on one installation."""
    own.choose(snapshots_kept=10_000)
    own.create_topics()
    own.run("stream", ready=own.stream_listens)
    trainer = own.run("train", ready=own.trainer_listens)
    own.run("serve", ready=own.serving_listens)
    publisher = EventPublisher(producer(own.settings), own.settings)
    for number in range(ITEMS):
        item = ItemUpsert(event_id=f"i{number}", event_time=time.time(), item_id=f"i{number}")
        publisher.send(item)
    asking = Asking(f"http://127.0.0.1:{own.settings.serving_port}", chosen.asked)
    unchanged, changed_s = Wiring(own.settings).trainer(), 0.0
    for sent, event in enumerate(paced(interactions(chosen.events, chosen.rate), chosen.rate)):
        publisher.send(event)
        if sent == chosen.events // 4:
            publisher.flush()
            asking.start()
        if sent == chosen.events // 2:
            trainer.stop()
            own.choose(ranker=chosen.ranker)
            trainer, changed_s = own.run("train"), time.time()
    publisher.flush()
    stream_port = own.settings.stream_metrics_port
    eventually(lambda: scrape(stream_port)[COUNTED] >= chosen.events, "all counted", 600.0)
    counted = scrape(stream_port)[COUNTED]
    eventually(lambda: not scrape(own.settings.trainer_metrics_port)[LAG], "all learnt", 600.0)
    time.sleep(2 * own.settings.snapshot_interval_s)
    asking.stop()
    trainer.stop()
    print(f"Answers: {dict(asking.outcomes)}. Events counted: {counted:.0f} of {chosen.events}.")
    report(own, unchanged, changed_s)


def report(own: Installation, unchanged: Trainer, changed_s: float) -> None:
    """The quality at some moments after the change, beside that of one that was not changed."""
    reader = SnapshotReader(own.settings.snapshot_dir)
    manifests = [reader.manifest(version) for version in reader.versions()]
    after = [each for each in manifests if each.created_at >= changed_s]
    late = [each for each in after if each.created_at >= changed_s + FIVE_MINUTES_S]
    new = [each for each in after if each.models != manifests[0].models]
    wanted = {"right after the change": after[:1], "new ranker took over": new[:1]}
    wanted |= {"five minutes after": late[:1], "end": after[-1:]}
    consumer = ExamplesConsumer(own.settings, 0)
    messages = (message for _ in iter(int, 1) for message in consumer.poll(1.0))
    print("| moment | s after the change | examples | AUC | unchanged | difference |")
    print("|---|---|---|---|---|---|")
    moments = [(name, manifest) for name, found in wanted.items() for manifest in found]
    for name, manifest in sorted(moments, key=lambda moment: moment[1].examples):
        while unchanged.offsets.examples < manifest.examples:
            message = next(messages)
            unchanged.consume(message.value, message.offset)
        auc, other = manifest.metrics["auc"], unchanged.progress.value("all", "window", "auc")
        print(
            f"| {name} | {manifest.created_at - changed_s:.0f} | {manifest.examples:,} "
            f"| {auc:.4f} | {other:.4f} | {auc - other:+.4f} |",
            flush=True,
        )
    consumer.close()


if __name__ == "__main__":
    main()
