"""A feature that is added in the middle of a stream: what a trainer loses by it.

    python tests/bench/bench_added_feature.py                     # 200,000 events
    python tests/bench/bench_added_feature.py --events 60000 --rate 100

Three trainers learn from the same examples, in which a planted pattern of users and items decides
what is liked; the feature tells nothing. One knows it from the start; one learns without it up to
the middle, takes a snapshot, and goes on from it with the feature, as the process does after an
upgrade; one begins anew in the middle, as before snapshots were compared input by input. Messages
from before the change lack the feature's column. Prints the progressive AUC of the events in the
five minutes after the change, and in each fifth of the time after it, and how many examples were
lost. Of the stream's state it says nothing: the examples are made here.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from features.signatures import input_signatures
from millstream.batches import decode_table, encode_table
from millstream.settings import Settings
from millstream.snapshots import SnapshotReader, SnapshotWriter
from online_trainer.evaluation.progressive import ProgressiveMetrics
from online_trainer.snapshots.capture import SnapshotBuilder
from online_trainer.snapshots.gate import Gate
from online_trainer.snapshots.resume import resume
from online_trainer.trainer import Trainer
from online_trainer.wiring import Wiring
from tests.support.examples import example_message

FEATURE = "item_popularity_30m"
ROWS = 100
FIVE_MINUTES_S = 300.0
PARTS = 5


class Stream(NamedTuple):
    """Messages before and after the change, and how many of the latter are of five minutes."""

    before: range
    after: range
    first: int

    def messages(self, numbers: range) -> Iterator[tuple[int, bytes]]:
        """With their offsets; those of before lack the feature."""
        for number in numbers:
            whole = example_message(number, ROWS)
            if number in self.before:
                table = decode_table(whole).drop_columns([FEATURE])
                whole = encode_table(table, {"source_topic": "interactions"})
            yield number, whole


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--events", type=int, default=200_000)
    arguments.add_argument("--rate", type=float, default=100.0, help="events a second")
    arguments.add_argument("--ranker", default=Settings().ranker)
    chosen = arguments.parse_args()
    half = chosen.events // ROWS // 2
    first = max(1, min(half, round(FIVE_MINUTES_S * chosen.rate / ROWS)))
    stream = Stream(range(half), range(half, 2 * half), first)
    wiring = Wiring(Settings(ranker=chosen.ranker, embedding_width=8, embedding_learning_rate=0.2))
    print("| run | AUC before | AUC of 5 min after | by fifths of the time after | lost |")
    print("|---|---|---|---|---|", flush=True)
    unchanged = _run("unchanged", wiring, stream, wiring.trainer())
    with tempfile.TemporaryDirectory() as folder:
        without = tuple(each for each in input_signatures() if each.name != FEATURE)
        changed = _run("feature added", wiring, stream, wiring.trainer(without), Path(folder))
    _run("begun anew", wiring, stream, None)
    print(f"The gap over the five minutes is {unchanged - changed:+.4f}.")


def _run(
    name: str,
    wiring: Wiring,
    stream: Stream,
    trainer: Trainer | None,
    folder: Path | None = None,
) -> float:
    """Learn all of it; returns the AUC of the five minutes.

    Args:
        trainer: that learns from the first half; None for one that begins with the second.
        folder: for the snapshot between the halves; None for no change in the middle.
    """
    before, lost = "–", 0
    if trainer is None:
        trainer = wiring.trainer()
    else:
        lost += _learn(trainer, stream, stream.before)
        before = f"{trainer.progress.value('all', 'window', 'auc'):.4f}"
    if folder is not None:
        trainer = _restarted(wiring, trainer, folder)
    trainer.progress = ProgressiveMetrics()
    start, end = stream.after.start, stream.after.start + stream.first
    lost += _learn(trainer, stream, range(start, end))
    five = trainer.progress.value("all", "overall", "auc")
    fifths = []
    bounds = [end + (stream.after.stop - end) * part // PARTS for part in range(PARTS + 1)]
    for low, high in pairwise(bounds):
        trainer.progress = ProgressiveMetrics()
        lost += _learn(trainer, stream, range(low, high))
        fifths.append(f"{trainer.progress.value('all', 'overall', 'auc'):.4f}")
    print(f"| {name} | {before} | {five:.4f} | {' '.join(fifths)} | {lost} |", flush=True)
    return five


def _learn(trainer: Trainer, stream: Stream, numbers: range) -> int:
    """Returns how many examples were not learnt from."""
    return sum(
        ROWS - trainer.consume(message, offset).learnt
        for offset, message in stream.messages(numbers)
    )


def _restarted(wiring: Wiring, trainer: Trainer, folder: Path) -> Trainer:
    """The trainer after an upgrade: a snapshot is taken, and gone on from with every input."""
    taken = SnapshotBuilder(trainer, Gate(), "examples").capture(1, None, frozenset(), 0.0)
    SnapshotWriter(folder).write(taken.manifest, taken.parts)
    upgraded = wiring.trainer()
    base = resume(upgraded, SnapshotReader(folder), wiring)
    assert base is not None and not base.takes_deltas
    return upgraded


if __name__ == "__main__":
    main()
