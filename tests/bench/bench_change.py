"""A feature, a ranker or a retriever that is changed in the middle of a stream, with every worker.

    python tests/bench/bench_change.py --change feature           # 200,000 events
    python tests/bench/bench_change.py --change ranker --events 60000 --rate 300

A real broker, a real Redis, the stream, the trainer and serving: where a feature is added two
workers, behind a balancer that takes one of them out while it is restarted. Users like the items of
their taste; lists are asked for all the time. In the middle a count of users and of items is added
to the project and applied, and the workers are restarted as the documentation says; or the trainer
is restarted with another model. Afterwards all examples are learnt once more by a trainer that
never changes. Printed are the answers by outcome, how far each count of events in the online store
is from what was sent, and the progressive AUC of the newest 20,000 rows, at some moments, beside
that of the unchanged trainer after the same examples. Lists are shown to nobody: let the run be
shorter than MILLSTREAM_JOIN_WINDOW_S, or what was asked for becomes negatives.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from kafka import TopicPartition

from deploy.local import local_services
from millstream import kafka
from millstream.domain.current import VARIABLE
from millstream.domain.templates import write_project
from millstream.publishing import EventPublisher
from millstream.snapshots import Manifest, SnapshotReader
from millstream.topics import EXAMPLES
from online_trainer.io.consumer import ExamplesConsumer
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring
from tests.bench.change.installation import NEW_MODELS, ROOT, Run, metrics_of
from tests.bench.change.traffic import ITEMS, USERS, Asking, Sending
from tests.support.eventually import eventually
from tests.support.installation import Installation

FIVE_MINUTES_S = 300.0
COUNTED = 'millstream_stream_events_total{kind="interaction"'


def main() -> None:
    """Run it, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--change", choices=["feature", *NEW_MODELS], default="feature")
    parser.add_argument("--to", help="the new ranker or retriever")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=500.0, help="events a second")
    parser.add_argument("--asked", type=float, default=20.0, help="lists a second")
    parser.add_argument("--compared", type=int, default=20_000, help="MILLSTREAM_CHALLENGER_ROWS")
    parser.add_argument("--margin", type=float, default=0.005, help="MILLSTREAM_CHALLENGER_MARGIN")
    chosen = parser.parse_args()
    with local_services() as services, tempfile.TemporaryDirectory() as folder:
        place = (
            services.bootstrap_servers,
            services.redis_url,
            Installation.fresh_prefix("change"),
        )
        with Installation(*place, Path(folder)) as own:
            bench(Run(own, chosen))


def bench(run: Run) -> None:
    """The whole run on one installation."""
    own, chosen = run.own, run.chosen
    own.choose(
        snapshots_kept=10_000,
        challenger_rows=chosen.compared,
        challenger_margin=chosen.margin,
    )
    write_project(run.project, "films")
    applying = run.command("apply", "--yes")
    assert applying.wait() == 0, "`millstream apply` failed"
    places = (0, 1) if chosen.change == "feature" else (0,)
    for name in ("stream", "train", *(f"serve {place}" for place in places)):
        run.start(name)
    unchanged = Wiring(own.settings).trainer()
    began_s = time.time()
    sending = Sending(
        EventPublisher(kafka.producer(own.settings), own.settings), chosen.events, chosen.rate
    )
    asking = Asking([run.url(place) for place in places], chosen.asked)
    sending.start()
    sending.wait_until(chosen.events // 4)
    asking.start()
    sending.wait_until(chosen.events // 2)
    changed_s = time.time()
    print(f"Changing the {chosen.change} after {sending.sent:,} events.", flush=True)
    asking.phase = "during the change"
    if chosen.change == "feature":
        run.add_feature(asking)
    else:
        run.change_model()
    print(f"All workers run again after {time.time() - changed_s:.0f} s.", flush=True)
    asking.phase = "after"
    sending.join()
    settled(run)
    asking.stop()
    for (phase, outcome), count in sorted(asking.outcomes.items()):
        print(f"Answers {phase}: {count} {outcome}", flush=True)
    print_counts(run, sending.times)
    for worker in run.workers.values():
        worker.stop()
    report(own, unchanged, changed_s)
    print(f"It took {time.time() - began_s:.0f} s.")


def settled(run: Run) -> None:
    """Wait until every event was worked on and learnt from, and a snapshot after it is there.

    By the position in the newest snapshot: a trainer that has just been started does not know yet
    how far it is behind.
    """
    own = run.own
    stream, reader = own.settings.stream_metrics_port, SnapshotReader(own.settings.snapshot_dir)
    seen = [-1.0]

    def is_still() -> bool:
        time.sleep(2.0)
        counts = [n for name, n in metrics_of(stream).items() if name.startswith(COUNTED)]
        before, seen[0] = seen[0], sum(counts) if counts else -1.0
        return seen[0] == before >= 0.0

    eventually(is_still, "all events worked on", 900.0)
    partition = TopicPartition(own.settings.topic(EXAMPLES), 0)
    consumer = kafka.consumer(own.settings, group_id=None)
    (end,) = consumer.end_offsets([partition]).values()
    consumer.close()
    place = f"{partition.topic}-{partition.partition}"

    def is_learnt() -> bool:
        time.sleep(1.0)
        return reader.manifest(max(reader.versions())).offsets[place] >= end

    eventually(is_learnt, "all examples learnt from and in a snapshot", 900.0)


def print_counts(run: Run, times: list[float]) -> None:
    """How many events each count in the online store lacks, or has twice."""
    now_s = max(times)
    arguments = [str(now_s), str(USERS), str(ITEMS)]
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.change.counts", *arguments],
        env={**os.environ, **run.own.environment, VARIABLE: str(run.project)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    print("| count | sent | in the store | lacking |\n|---|---|---|---|")
    for name, (half_life_s, found) in json.loads(told.stdout).items():
        sent = sum(0.5 ** ((now_s - time_s) / half_life_s) for time_s in times)
        print(f"| {name} | {sent:,.2f} | {found:,.2f} | {sent - found:+,.2f} |", flush=True)


def report(own: Installation, unchanged: Trainer, changed_s: float) -> None:
    """The quality at some moments after the change, beside that of one that was not changed."""
    reader = SnapshotReader(own.settings.snapshot_dir)
    manifests = [reader.manifest(version) for version in reader.versions()]
    consumer = ExamplesConsumer(own.settings, 0)
    messages = (message for _ in iter(int, 1) for message in consumer.poll(1.0))
    print("| moment | s after the change | examples | AUC | unchanged | difference |")
    print("|---|---|---|---|---|---|")
    for name, manifest in moments([m for m in manifests if "auc" in m.metrics], changed_s):
        while unchanged.offsets.examples < manifest.examples:
            message = next(messages)
            unchanged.consume(message.value, message.offset)
        auc, other = manifest.metrics["auc"], unchanged.progress.value("all", "window", "auc")
        print(
            f"| {name} | {manifest.created_at - changed_s:+.0f} | {manifest.examples:,} "
            f"| {auc:.4f} | {other:.4f} | {auc - other:+.4f} |",
            flush=True,
        )
    consumer.close()


def moments(manifests: list[Manifest], changed_s: float) -> list[tuple[str, Manifest]]:
    """Snapshots that tell the story, in their order."""
    before = [each for each in manifests if each.created_at < changed_s]
    after = [each for each in manifests if each.created_at >= changed_s]
    late = [each for each in after if each.created_at >= changed_s + FIVE_MINUTES_S]
    first = manifests[0]
    new = [each for each in after if (each.models, each.inputs) != (first.models, first.inputs)]
    named = {
        "just before the change": before[-1:],
        "right after it": after[:1],
        "a minute after": [m for m in after if m.created_at >= changed_s + 60.0][:1],
        "the new one took over": new[:1],
        "a minute later": [m for m in new if m.created_at >= new[0].created_at + 60.0][:1],
        "five minutes after": late[:1],
        "end": after[-1:],
    }
    found = [(name, each) for name, some in named.items() for each in some]
    return sorted(found, key=lambda moment: moment[1].examples)


if __name__ == "__main__":
    main()
