"""The books are closed: what is in every store against what was sent."""

import time
from collections import Counter
from math import inf

import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition

from features.feature import View
from features.spec import ITEM_STATS, USER_STATS
from millstream.codec import decode
from millstream.events import Impression
from millstream.settings import Settings
from millstream.topics import EXAMPLES, IMPRESSIONS, Topic
from tests.bench.faults.ledger import Balance, Ledger, compare_counts, compare_examples
from tests.bench.faults.world import STREAMS, World
from tests.support.eventually import eventually
from tests.support.scrape import scrape
from tests.support.stream_outcome import examples, offline, online
from tests.support.training import Trainers, differences

SETTLED_S = 600.0
PENDING = "millstream_stream_pending_impressions"
READ_AT_ONCE = 1_000
COUNTED = (USER_STATS, ITEM_STATS)


def settle(world: World) -> None:
    """Wait until everything sent is worked on, learnt from and on disk.

    Raises:
        AssertionError: it is not, within ten minutes.
    """
    eventually(lambda: world.behind() == 0, "every event is in the features", SETTLED_S, 1.0)
    eventually(lambda: _pending(world) == 0, "every window is closed", SETTLED_S, 1.0)
    world.kept.stop_one(world.stream_of_items())
    eventually(lambda: world.behind() == 0, "the end of one changes nothing", SETTLED_S, 1.0)
    ends = world.ends(EXAMPLES.name)
    eventually(lambda: _learnt_to(world) >= ends, "every example is learnt", SETTLED_S, 1.0)
    time.sleep(2 * world.settings.offline_flush_s)


def balance(world: World) -> Balance:
    """Compare every store with the ledger."""
    found, ledger, settings = Balance(), world.ledger, world.direct
    found.server_errors = ledger.refused_answers()
    compare_online(found, world)
    found.rows_twice = sum(_rows_twice(settings, view) for view in COUNTED)
    rows = examples(settings)
    compare_examples(found, ledger.sent, rows, _shown(settings))
    world.kept.stop()
    _check_trainer(found, settings, rows)
    return found


def compare_online(balance: Balance, world: World) -> None:
    """Hold the online counts of every user and item against the ledger."""
    for view in COUNTED:
        found = _online_counts(world, view)
        compare_counts(balance, world.ledger.counts(view.entity), found)


def _pending(world: World) -> float:
    """Lists whose window is open, over all stream workers; endless while one does not answer."""
    try:
        return sum(scrape(world.stream_port(name)).get(PENDING, inf) for name in STREAMS)
    except OSError:
        return inf


def _learnt_to(world: World) -> int:
    reader = world.snapshots()
    version = reader.newest_sound()
    return 0 if version is None else sum(reader.manifest(version).offsets.values())


def _online_counts(world: World, view: View) -> dict[str, float]:
    ids = world.users if view is USER_STATS else world.items
    found: dict[str, float] = {}
    for first in range(0, len(ids), READ_AT_ONCE):
        part = ids[first : first + READ_AT_ONCE]
        rows = online(world.direct, view, part)
        counts = (row[f"{view.entity}_events_30d"] or 0.0 for row in rows)
        found.update(zip(part, counts, strict=True))
    return found


def _rows_twice(settings: Settings, view: View) -> int:
    table: pa.Table = offline(settings, view)
    key = [f"{view.entity}_id", "event_timestamp", "source_partition", "source_offset"]
    key = [name for name in key if name in table.column_names]
    return table.num_rows - table.group_by(key).aggregate([]).num_rows


def _shown(settings: Settings) -> dict[tuple[str, float], set[str]]:
    """The lists on the broker: items by user and time."""
    return {
        (event.user_id, event.event_time): {item.item_id for item in event.items}
        for event in map(_impression, _values(settings, IMPRESSIONS))
    }


def _impression(value: bytes) -> Impression:
    return decode(value, Impression)


def _values(settings: Settings, topic: Topic) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=3_000,
    )
    name = settings.topic(topic)
    consumer.assign([TopicPartition(name, n) for n in consumer.partitions_for_topic(name)])
    values = [message.value for message in consumer]
    consumer.close()
    return values


def _check_trainer(found: Balance, settings: Settings, rows: list[dict]) -> None:
    """Compare the trainer with one that was never disturbed, on the same messages."""
    trainers = Trainers(settings)
    disturbed = trainers.restored(settings.snapshot_dir)
    found.trainer_off = abs(disturbed.offsets.examples - len(rows))
    undisturbed = trainers.fresh()
    for offset, value in enumerate(_values(settings, EXAMPLES)):
        undisturbed.consume(value, offset)
    found.weights_off = len(differences(disturbed, undisturbed))


def answers(ledger: Ledger) -> str:
    """HTTP answers by status, for people."""
    counts: Counter[str] = ledger.answers
    return ", ".join(f"{status}: {count:,}" for status, count in sorted(counts.items()))
