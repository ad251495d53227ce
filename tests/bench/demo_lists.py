"""Lists of the demo against counters, in one process: months of ratings in minutes.

What is published 1,000 events a second is worked on every 0.2 s, learnt from, and served by a new
snapshot every 3 s; serving asks itself questions as it does live. Just before a good rating goes in
a list is asked with what the person has met; the counters are asked the same, and know what was
published a second before.

python -m tests.bench.demo_lists --events 16000 --every 10
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from features.labels import label_of
from millstream.datasets.ml_100k import load
from millstream.demo.replay import happening
from millstream.events import Interaction
from millstream.settings import settings
from serving.recommend.query import Query
from simulation.baselines.catalogue import baselines
from simulation.cadence import Cadence
from simulation.judging import NOT_FOUND, gains, hits
from simulation.live_judge import MOST_MET, OURS, CounterQuestions
from simulation.loop import Loop

COUNTERS = (
    "popular-7d",
    "popular-1h",
    "clicks-30m",
    "trending",
    "co-occurrence",
    "item-neighbours",
)
K, RATE, TICK, DELAY = 10, 1_000, 200, 1_000  # TICK and DELAY in events
# Before so many events the models have learnt next to nothing.
WARM_UP = 2_000


async def ranks(
    log: Sequence[Interaction], every: int, counters: Sequence[str], folder: Path
) -> dict[str, list[int]]:
    """Places of the right answers by who made the list; every so manieth good rating is asked."""
    end_s = log[-1].event_time
    start_s = end_s - len(log) / RATE - 10.0
    loop = Loop(settings(), folder, Cadence(snapshot_s=3.0), start_s, log=lambda shown: None)
    await loop.start()
    dataset = load()
    for entry in (*dataset.items(), *dataset.users()):
        loop.send(happening(entry, start_s + 1.0))
    questions = CounterQuestions(log, lambda size: baselines(counters, size))
    found: dict[str, list[int]] = {OURS: [], **{name: [] for name in counters}}
    positives = [n for n, event in enumerate(log) if label_of(event.kind, event.value) == 1.0]
    asked = frozenset(positives[::every])
    for begin in range(0, len(log), TICK):
        end, now_s = min(begin + TICK, len(log)), start_s + 5.0 + begin / RATE
        questions.tell(max(begin - DELAY, 0))
        loop.clock.set(now_s)
        for place in range(begin, end):
            met = questions.met(place, MOST_MET)
            if place in asked and place >= WARM_UP:
                made = await loop.ask(Query(log[place].user_id, K, recent_items=met), now_s)
                target, listed = log[place].item_id, [item.item_id for item in made.items]
                found[OURS].append(listed.index(target) if target in listed else NOT_FOUND)
                for name, rank in questions.ranks(place, K).items():
                    found[name].append(rank)
            await loop.answering.note(log[place], met)
            loop.send(happening(log[place], start_s + 5.0 + place / RATE))
        await loop.tick(start_s + 5.0 + end / RATE)
    loop.close()
    return found


def main() -> None:
    """Print HR@10 and NDCG@10 by who made the lists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=16_000)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--counter", action="append", default=[*COUNTERS])
    given = parser.parse_args()
    log = list(load().interactions())[: given.events]
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(ranks(log, given.every, given.counter, Path(folder)))
    print(f"{len(found[OURS]):,} questions")
    for name, places in found.items():
        of = np.array(places)
        print(f"{name:16s} HR@10 {hits(of, K).mean():.4f}  NDCG@10 {gains(of, K).mean():.4f}")


if __name__ == "__main__":
    main()
