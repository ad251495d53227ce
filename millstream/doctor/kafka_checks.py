"""Kafka: the topics as they are, beside what the table in code says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from millstream.doctor.finding import Finding, fail, ok, warn
from millstream.topics import BY_USER, DAY_S, TOPICS, Topic

PART = "Kafka"


@dataclass(frozen=True)
class TopicState:
    """One topic as the brokers have it.

    Args:
        identity: Kafka's id of the topic; "" where the broker has none.
        begins, ends: first offset, and one past the last, by partition.
        config: settings in Kafka's names.
        leaderless, behind: partitions without a leader, and with a replica that lags.
    """

    identity: str
    begins: Mapping[int, int]
    ends: Mapping[int, int]
    config: Mapping[str, str] = field(default_factory=dict)
    leaderless: int = 0
    behind: int = 0


Topics = Mapping[Topic, TopicState]


def topics_exist(topics: Topics) -> Finding:
    """Check that every topic is there."""
    missing = [topic.name for topic in TOPICS if topic not in topics]
    if missing:
        return fail(PART, f"Topics missing: {', '.join(missing)}", "Run `millstream topics create`")
    return ok(PART, f"{len(topics)} topics")


def partitions_agree(topics: Topics) -> list[Finding]:
    """Check that topics that belong together have the same number of partitions."""
    found = []
    by_user = {topic.name: len(topics[topic].ends) for topic in BY_USER if topic in topics}
    if len(set(by_user.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in by_user.items())
        found.append(
            fail(
                PART,
                f"Partitions of the topics keyed by user differ: {told}",
                "Raise the fewer ones to the most: users' events no longer meet",
            )
        )
    found += [
        fail(
            PART,
            f"Topic {topic.name} has {len(state.ends)} partitions",
            "Make it anew with one: its order must be total",
        )
        for topic, state in topics.items()
        if topic.partitions == 1 and len(state.ends) > 1
    ]
    return found


def retention_is_kept(topics: Topics) -> list[Finding]:
    """Check that topics are kept for as long, and in the way, that the table says."""
    found = []
    for topic, state in topics.items():
        wanted, has = topic.config(), state.config
        policy = has.get("cleanup.policy")
        if policy is not None and policy != wanted["cleanup.policy"]:
            found.append(
                fail(
                    PART,
                    f"Topic {topic.name}: cleanup.policy is {policy}",
                    f"Set it to {wanted['cleanup.policy']}: what must stay is removed otherwise",
                )
            )
        if topic.cleanup == "delete" and _is_shorter(has.get("retention.ms"), topic):
            found.append(
                warn(
                    PART,
                    f"Topic {topic.name} is kept for {_days(has['retention.ms'])}",
                    f"Set retention.ms to {wanted['retention.ms']}: less can be replayed",
                )
            )
        if topic.cleanup == "delete" and int(has.get("retention.bytes", "-1")) >= 0:
            found.append(
                warn(
                    PART,
                    f"Topic {topic.name} is cut at {int(has['retention.bytes']):,} bytes",
                    "Unset retention.bytes, or watch the lag: it may be cut before it is read",
                )
            )
    return found


def replicas_are_there(topics: Topics) -> list[Finding]:
    """Check that every partition has a leader, and all of its replicas."""
    leaderless = [topic.name for topic, state in topics.items() if state.leaderless]
    behind = [topic.name for topic, state in topics.items() if state.behind]
    found = []
    if leaderless:
        found.append(
            fail(PART, f"No leader: {', '.join(leaderless)}", "Bring the brokers back that have it")
        )
    if behind:
        found.append(
            warn(PART, f"Replicas lag: {', '.join(behind)}", "Look at the brokers' logs and disks")
        )
    return found


def _is_shorter(retention_ms: str | None, topic: Topic) -> bool:
    if retention_ms is None or int(retention_ms) < 0:
        return False
    return topic.retention_s is None or int(retention_ms) < topic.retention_s * 1000


def _days(retention_ms: str) -> str:
    return f"{int(retention_ms) / 1000 / DAY_S:g} days"
