"""The stream worker and the trainer: where they stand in the topics that they read."""

from collections.abc import Mapping, Sequence

from millstream.doctor.finding import Finding, fail, ok, warn
from millstream.doctor.kafka_checks import Topics
from millstream.topics import (
    BY_USER,
    EXAMPLES,
    IMPRESSIONS,
    INTERACTIONS,
    ITEMS,
    TOUCHES,
    USERS,
    Topic,
)

STREAM, TRAINER = "Stream", "Trainer"
READ_BY_STREAM = (INTERACTIONS, IMPRESSIONS, ITEMS, USERS, TOUCHES)
MANY_RECORDS, MANY_MESSAGES = 10_000, 1_000

# Next offset to read, by topic (without prefix) and partition.
Positions = Mapping[tuple[str, int], int]


def parsed_positions(
    stored: Mapping[str, str | int], prefix: str = ""
) -> dict[tuple[str, int], int]:
    """Positions from how Redis (`items:0`) and snapshots (`shop.examples-0`) name them.

    >>> parsed_positions({"items:0": "5", "shop.dead-letters-0": 7}, "shop.")
    {('items', 0): 5, ('dead-letters', 0): 7}
    """
    found = {}
    for name, offset in stored.items():
        topic, _, partition = name.replace(":", "-").rpartition("-")
        found[topic.removeprefix(prefix), int(partition)] = int(offset)
    return found


def are_assigned(workers: Mapping[str, Sequence[str]], topics: Topics) -> Finding:
    """Check that stream workers run, and that they have all partitions between them.

    Args:
        workers: what each has: `u7` is partition 7 of users, `items` are the items.
    """
    if not workers:
        return fail(STREAM, "No stream worker is active", "Start `millstream stream`")
    wanted = {"items"}
    for topic in (topic for topic in BY_USER if topic in topics):
        wanted |= {f"u{partition}" for partition in topics[topic].ends}
    if missing := wanted - {shard for shards in workers.values() for shard in shards}:
        return warn(
            STREAM,
            f"Nobody has {', '.join(sorted(missing))}",
            "They are assigned within seconds of a worker's start or end",
        )
    return ok(STREAM, f"active: {', '.join(f'{n} ({len(s)})' for n, s in workers.items())}")


def is_in_the_log(
    part: str, reads: tuple[Topic, ...], at: Positions, topics: Topics
) -> list[Finding]:
    """Check that positions are within what the topics hold."""
    found = []
    for topic in (topic for topic in reads if topic in topics):
        state = topics[topic]
        for partition, end in state.ends.items():
            position = at.get((topic.name, partition))
            where = f"{topic.name}, partition {partition}"
            if position is not None and position > end:
                found.append(
                    fail(
                        part,
                        f"{where}: stands at {position:,}, the topic ends at {end:,}",
                        "The topic was made anew or its broker lost records: see "
                        "docs/operations.md, Restoring",
                    )
                )
            begin = state.begins.get(partition, 0)
            if position is not None and topic.cleanup == "delete" and position < begin:
                found.append(
                    fail(
                        part,
                        f"{where}: {begin - position:,} records were removed before they were read",
                        "They are lost; lengthen retention.ms, or let the worker run",
                    )
                )
    return found


def same_logs(known: Mapping[str, str], topics: Topics) -> list[Finding]:
    """Check that the topics are those that the positions were noted for.

    Args:
        known: identity by the topic's name; with a suffix after a dot where it was cut.
    """
    found = []
    for topic, state in topics.items():
        noted = known.get(topic.name, "").partition(".")[0]
        if noted and state.identity and noted != state.identity:
            found.append(
                fail(
                    STREAM,
                    f"Topic {topic.name} is another one than the stream has read",
                    "The worker says at its start what it does (MILLSTREAM_ON_LOG_CHANGED)",
                )
            )
    return found


def stream_lag(at: Positions, topics: Topics) -> Finding:
    """How much the stream worker has not yet processed."""
    behind = _lag(READ_BY_STREAM, at, topics)
    if behind > MANY_RECORDS:
        return warn(
            STREAM,
            f"{behind:,} records behind",
            "Normal after an outage or an import if it falls; see MillstreamStreamBehind",
        )
    return ok(STREAM, f"{behind:,} records behind")


def trainer_lag(at: Positions, topics: Topics) -> Finding:
    """How much of the examples the newest snapshot has not learnt from."""
    behind = _lag((EXAMPLES,), at, topics)
    if behind > MANY_MESSAGES:
        return warn(
            TRAINER,
            f"{behind:,} messages of examples are not in the newest snapshot",
            "Start `millstream train`; if it runs, see MillstreamTrainerBehind",
        )
    return ok(TRAINER, f"{behind:,} messages of examples are not in the newest snapshot")


def _lag(reads: tuple[Topic, ...], at: Positions, topics: Topics) -> int:
    total = 0
    for topic in (topic for topic in reads if topic in topics):
        for partition, end in topics[topic].ends.items():
            begin = topics[topic].begins.get(partition, 0)
            total += max(end - max(at.get((topic.name, partition), begin), begin), 0)
    return total
