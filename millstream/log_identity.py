"""Which log a topic is, and where to go on in it when it is not the one that was read.

Positions mean something in one log only. A topic that was made anew, another broker, a log that
lost its end or whose beginning was removed before it was read: each is noticed here, and each has a
rule. What is read anew is told from what was read before by the log's identity, which travels with
every row beside its position.

    another identity       read the new log from its beginning: nothing of it was read
    the end was cut off    go on at the end, under a new identity: what comes is new
    the beginning is gone  go on at the beginning: what is missing is lost, and is counted
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from kafka import TopicPartition
from kafka.errors import KafkaError

from millstream import kafka
from millstream.errors import LogChanged, LogUnavailable
from millstream.settings import Settings
from millstream.topics import Topic

log = logging.getLogger(__name__)

Change = Literal["other", "cut", "gap"]
CHANGES: tuple[Change, ...] = ("other", "cut", "gap")

_PROBE_MS = 3_000


@dataclass(frozen=True)
class TopicLog:
    """A topic as the brokers have it now.

    Args:
        identity: of the topic; "" where the brokers give none.
        begins: the first offset of each partition.
        ends: one past the last offset of each partition.
    """

    identity: str
    begins: Mapping[int, int]
    ends: Mapping[int, int]


@dataclass(frozen=True)
class Start:
    """Start positions in a log.

    Args:
        identity: of the log that the positions are of.
        positions: the next offset to read, of the partitions that have one.
        changes: what happened to the log.
        missed: messages that were removed before they were read.
    """

    identity: str
    positions: dict[int, int]
    changes: list[Change] = field(default_factory=list)
    missed: int = 0

    def text(self, topic: str) -> str:
        """Log message about it."""
        told = {
            "other": f"Topic {topic} is another log than the one that was read: it is read from"
            " its beginning, and what was learnt is kept.",
            "cut": f"Topic {topic} has lost its end: reading goes on where it ends now.",
            "gap": f"Topic {topic}: {self.missed} messages were removed before they were read.",
        }
        return " ".join(told[change] for change in self.changes)


def start(identity: str, positions: Mapping[int, int], now: TopicLog) -> Start:
    """Find where to go on in a log, given what was known of it.

    Args:
        identity: that the positions are of; "" where that is not known.
        positions: the next offset to read of each partition.

    >>> start("a", {0: 7}, TopicLog("b", {0: 0}, {0: 3}))
    Start(identity='b', positions={}, changes=['other'], missed=0)
    """
    base, _, cuts = identity.partition(".")
    is_past = any(offset > now.ends.get(part, offset) for part, offset in positions.items())
    if _is_other(identity, now) or (is_past and not base):
        return Start(now.identity, {}, ["other"] if positions or base else [])
    kept = identity or now.identity
    changes: list[Change] = []
    if is_past:
        kept, changes = f"{base}.{int(cuts or 0) + 1}", ["cut"]
    bounded = {part: min(offset, now.ends.get(part, offset)) for part, offset in positions.items()}
    missed = {part: now.begins.get(part, 0) - offset for part, offset in bounded.items()}
    lost = sum(count for count in missed.values() if count > 0)
    found = {part: offset + max(missed[part], 0) for part, offset in bounded.items()}
    return Start(kept, found, [*changes, "gap"] if lost else changes, lost)


def _is_other(identity: str, now: TopicLog) -> bool:
    base = identity.partition(".")[0]
    return bool(base and now.identity and base != now.identity)


def begin(
    settings: Settings, topic: Topic, now: TopicLog, identity: str, positions: Mapping[int, int]
) -> Start:
    """The same on the brokers, said in the process' log where anything happened.

    Raises:
        LogChanged: something did, and the settings say that it stops the worker.
        LogUnavailable: no broker answers.
    """
    found = start(identity, positions, now)
    if _is_late(settings, topic, now, identity, positions):
        found = start(identity, positions, TopicLog(now.identity, now.begins, {}))
    if not found.changes:
        return found
    text = found.text(settings.topic(topic))
    if settings.on_log_changed == "stop":
        raise LogChanged(f"{text} MILLSTREAM_ON_LOG_CHANGED=stop: not without an operator.")
    log.error("%s", text)
    return found


def logs_of(settings: Settings, topics: Iterable[Topic]) -> dict[Topic, TopicLog]:
    """The topics as they are now; one that is not there is left out.

    Raises:
        LogUnavailable: no broker answers.
    """
    names = {settings.topic(topic): topic for topic in topics}
    identities = _identities(settings, list(names))
    reader = kafka.consumer(settings, group_id=None)
    try:
        found = {}
        for name, identity in identities.items():
            partitions = [TopicPartition(name, n) for n in reader.partitions_for_topic(name) or ()]
            begins, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
            found[names[name]] = TopicLog(identity, _numbers(begins), _numbers(ends))
        return found
    except KafkaError as error:
        raise LogUnavailable(f"Offsets not known: {error!r}") from error
    finally:
        reader.close()


def _identities(settings: Settings, names: list[str]) -> dict[str, str]:
    client = kafka.admin(settings)
    try:
        told = client.describe_topics(names)
        return {each["name"]: _identity(each) for each in told if not each["error_code"]}
    except KafkaError as error:
        raise LogUnavailable(f"Topics not known: {error!r}") from error
    finally:
        client.close()


def _identity(topic: Mapping[str, object]) -> str:
    """The topic's id; "" before Kafka 2.8, which had none."""
    given = topic.get("topic_id")
    return "" if not given or UUID(str(given)).int == 0 else str(given)


def _is_late(
    settings: Settings, topic: Topic, now: TopicLog, identity: str, positions: Mapping[int, int]
) -> bool:
    """True if ends that lie below our positions are merely old: what we read last is there still.

    Some brokers report ends that lag behind (`deploy.local.tansu`).
    """
    past = [part for part, offset in positions.items() if offset > now.ends.get(part, offset)]
    if not past or _is_other(identity, now):
        return False
    reader = kafka.consumer(settings, group_id=None, auto_offset_reset="none")
    partition = TopicPartition(settings.topic(topic), past[0])
    try:
        reader.assign([partition])
        reader.seek(partition, positions[past[0]] - 1)
        return bool(reader.poll(timeout_ms=_PROBE_MS, max_records=1))
    except KafkaError:  # there is no such offset
        return False
    finally:
        reader.close()


def _numbers(offsets: Mapping[TopicPartition, int]) -> dict[int, int]:
    return {partition.partition: offset for partition, offset in offsets.items()}
