"""What is learnt of a list follows from the log, however it is read.

The same log is cut into batches, its partitions are read in any step, the process is killed between
what it publishes and what it commits, and comes back with the clock moved ahead. The oracle is the
log's own: items with feedback have label 1, all others label 0, each of them once.
"""

from collections import defaultdict
from copy import deepcopy
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.ingest.records import EventRecord
from stream.ingest.silence import PartitionActivity, Silence
from stream.state.memory import Memory
from stream.state.watermark import CLOCK
from tests.support.stream_cases import (
    START,
    MemoryStream,
    event_entry,
    examples_of,
    impression,
    interaction,
)

WINDOW_S, LATENESS_S = 60.0, 10.0
PARTITIONS = 2


def log_of(random: Random) -> tuple[list[list[EventRecord]], dict[str, float]]:
    """Partitions of a log, and the label that each shown item is to have."""
    labels: dict[str, float] = {}
    lists, clicks = defaultdict(list), defaultdict(list)
    for n in range(random.randint(1, 12)):
        partition, second = n % PARTITIONS, random.uniform(0.0, 300.0)
        items = [f"r{n}-i{k}" for k in range(3)]
        user = f"u{partition}"
        lists[partition].append((second, impression(second, f"r{n}", items, user=user)))
        for item in items:
            labels[item] = float(random.random() < 0.5)
            if labels[item]:
                when = second + random.uniform(0.0, WINDOW_S - 0.1)
                clicks[partition].append(
                    (when, interaction(when, user, item, request_id=f"r{n}", event_id=f"c-{item}"))
                )
    logs = []
    for found in (lists, clicks):
        for partition in range(PARTITIONS):
            # Out of order, but not by more than the lateness.
            due = sorted(
                (at + random.uniform(0.0, LATENESS_S), n)
                for n, (at, _) in enumerate(found[partition])
            )
            logs.append(
                [
                    event_entry(found[partition][n][1], partition, offset)
                    for offset, (_, n) in enumerate(due)
                ]
            )
    return [log for log in logs if log], labels


class Reader:
    """A worker whose process can be killed, and a consumer of what it publishes."""

    def __init__(self, logs: list[list[EventRecord]], random: Random) -> None:
        self._logs, self._random, self._now = logs, random, 1e6
        self._stream = MemoryStream(
            join_window_s=WINDOW_S, allowed_lateness_s=LATENESS_S, sampled_negatives=0
        )
        self._marks: dict[tuple[str, int], int] = {}
        self.labels: dict[str, list[float]] = defaultdict(list)
        self._start(deepcopy(self._stream.memory))

    def _start(self, committed: Memory) -> None:
        """A process begins with what is committed."""
        self._stream.memory = committed
        self._sources = [log[0].source for log in self._logs]
        committed.watermark.expect(self._sources)
        self._silence = Silence(5.0)
        self._silence.assign(self._sources)
        self._begins = {
            log[0].source: committed.positions.get(log[0].source, 0) for log in self._logs
        }

    def work(self) -> None:
        """Turns, some of which are the last ones of their process, until all lists are closed."""
        for _ in range(2_000):
            if not self._turn():
                return
        raise AssertionError("The lists never close.")

    def _turn(self) -> bool:
        memory, random = self._stream.memory, self._random
        self._now += random.choice([0.1, 3.0, 40.0])
        committed = deepcopy(memory)
        entries = self._read()
        read = {entry.source for entry in entries}
        for log in self._logs:
            source = log[0].source
            is_out = self._begins[source] == len(log) and source not in read
            standing = PartitionActivity.QUIET if is_out else PartitionActivity.BUSY
            self._silence.note(source, standing, START + self._now)
        ticks = self._silence.ticks(memory.watermark, START + self._now)
        effects = self._stream.run_entries(entries, self._now, ticks)
        self._consume(effects)
        if random.random() < 0.2:
            self._now += random.choice([0.0, 100.0, 10_000.0])
            self._start(committed)  # nothing of the turn was committed
            return True
        is_read = all(self._begins[log[0].source] == len(log) for log in self._logs)
        return not is_read or bool(memory.join.open_windows)

    def _read(self) -> list[EventRecord]:
        entries = []
        for _ in range(self._random.randint(0, 8)):
            log = self._random.choice(self._logs)
            begin = self._begins[log[0].source]
            entries += log[begin : begin + 1]
            self._begins[log[0].source] = min(begin + 1, len(log))
        return entries

    def _consume(self, effects) -> None:
        """Note the rows beyond the positions that were seen, as the trainer does."""
        for topic in ("interactions", "impressions"):
            rows = examples_of(effects, topic)
            new = [r for r in rows if r["source_offset"] > self._mark(topic, r)]
            for row in new:
                self.labels[row["item_id"]].append(row["label"])
            for row in new:
                place = topic, row["source_partition"]
                self._marks[place] = max(self._mark(topic, row), row["source_offset"])

    def _mark(self, topic: str, row) -> int:
        return self._marks.get((topic, row["source_partition"]), -1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_each_shown_item_has_the_one_label_that_the_log_gives_it_however_it_is_read(seed):
    logs, labels = log_of(Random(f"log {seed}"))
    reader = Reader(logs, Random(f"reader {seed}"))
    reader.work()
    assert dict(reader.labels) == {item: [label] for item, label in labels.items()}


def test_a_crash_between_publish_and_commit_does_not_give_a_closed_item_a_second_label():
    """The list is closed by the clock, published, not committed; then its feedback comes."""
    stream = MemoryStream(join_window_s=WINDOW_S, sampled_negatives=0)
    stream.run(impression(0, items=["i1"]), now=0.0)
    stream.run_entries([], 100.0, {CLOCK: START + 100.0})
    committed = deepcopy(stream.memory)
    (negative,) = examples_of(stream.run_entries([], 100.0), "impressions")
    assert negative["label"] == 0.0

    stream.memory = committed
    effects = stream.run(interaction(99, item="i1", request_id="r1"), now=200.0)
    assert effects.counts == {("interactions", "organic"): 1}
    assert examples_of(stream.run_entries([], 200.0), "impressions") == []
    assert [row["label"] for row in examples_of(effects, "impressions")] == [0.0]


def test_the_clock_decides_nothing_in_the_batch_that_commits_it():
    stream = MemoryStream(join_window_s=WINDOW_S, sampled_negatives=0)
    stream.run(impression(0, items=["i1"]), now=0.0)
    ticks = {CLOCK: START + 100.0}
    click = event_entry(interaction(1, item="i1", request_id="r1"))
    effects = stream.run_entries([click], 100.0, ticks)
    assert effects.counts == {("interactions", "joined"): 1}
    assert effects.state.max_event_times[CLOCK] == START + 100.0


def test_feedback_that_waited_on_the_broker_during_an_outage_still_joins():
    """An outage of an hour, with a window of a minute: the log decides, not the clock."""
    stream = MemoryStream(join_window_s=WINDOW_S, sampled_negatives=0)
    stream.run(impression(0, items=["i1"]), now=0.0)
    effects = stream.run(interaction(59, item="i1", request_id="r1"), now=3_600.0)
    assert effects.counts == {("interactions", "joined"): 1}
