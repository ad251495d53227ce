"""The topics: one table, from which they are created, documented and addressed.

`examples`, `snapshots`, `serving` and `dead-letters` have one partition. For `examples` that is a
promise: the trainer resumes exactly because the order of its input is total. `items` and `touches`
have one as well: whoever reads one of them reads both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from millstream.errors import ConfigurationError

DAY_S = 86_400


@dataclass(frozen=True)
class Topic:
    """One Kafka topic.

    Args:
        name: without the prefix of the installation (`Settings.topic_prefix`).
        partitions: how many; what is keyed by the same id has the same number.
        key: what the messages are keyed by.
        value: what a message holds.
        cleanup: Kafka's `cleanup.policy`.
        retention_s: Kafka's `retention.ms`, in seconds; None keeps for ever.
        timestamps: Kafka's `message.timestamp.type`: whose clock a record's time is of, the
            producer's or the broker's.
    """

    name: str
    partitions: int
    key: str
    value: str
    cleanup: Literal["delete", "compact"] = "delete"
    retention_s: int | None = 7 * DAY_S
    timestamps: Literal["CreateTime", "LogAppendTime"] = "CreateTime"

    def config(self) -> dict[str, str]:
        """The topic's settings in Kafka's own names."""
        retention_ms = -1 if self.retention_s is None else self.retention_s * 1000
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(retention_ms),
            "message.timestamp.type": self.timestamps,
        }


# An event's time counts as of its arrival at most: by the broker's clock, which is the same when it
# is read again.
INTERACTIONS = Topic("interactions", 16, "user_id", "Interaction, JSON", timestamps="LogAppendTime")
IMPRESSIONS = Topic("impressions", 16, "user_id", "Impression, JSON", timestamps="LogAppendTime")
ITEMS = Topic("items", 1, "item_id", "ItemUpsert, JSON", "compact", None)
USERS = Topic("users", 16, "user_id", "UserUpsert, JSON", "compact", None)
TOUCHES = Topic("touches", 1, "none", "what events ask of items, Arrow batch")
EXAMPLES = Topic("examples", 1, "none", "labelled examples, Arrow batch")
FEATURES = Topic("features", 1, "view", "feature rows of one view, Arrow batch")
SNAPSHOTS = Topic("snapshots", 1, "version", "snapshot announcement, JSON", "delete", None)
SERVING = Topic("serving", 1, "worker", "which snapshot a worker serves, JSON", "delete", DAY_S)
DEAD_LETTERS = Topic(
    "dead-letters", 1, "source", "reason and original bytes, JSON", "delete", 30 * DAY_S
)

TOPICS = (
    INTERACTIONS,
    IMPRESSIONS,
    ITEMS,
    USERS,
    TOUCHES,
    EXAMPLES,
    FEATURES,
    SNAPSHOTS,
    SERVING,
    DEAD_LETTERS,
)
# Keyed by user: a user's records of all of them lie in partitions of one number.
BY_USER = (INTERACTIONS, IMPRESSIONS, USERS)
# Of the items' side, which one stream worker has at a time.
OF_ITEMS = (ITEMS, TOUCHES)


def user_partitions(present: Mapping[str, int]) -> int:
    """How many partitions the topics keyed by user have: those that are there, or the table's.

    Args:
        present: partitions of those that are there, by name.

    Raises:
        ConfigurationError: they differ.

    >>> user_partitions({"interactions": 4, "users": 4}), user_partitions({})
    (4, 16)
    """
    if len(set(present.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in present.items())
        raise ConfigurationError(
            "Topics that are keyed by user must have one number of partitions, so that all records"
            f" of a user lie in partitions of one number. Received: {told}. Raise the fewer ones"
            " to the most: `kafka-topics.sh --alter --topic NAME --partitions COUNT`."
        )
    return next(iter(present.values()), INTERACTIONS.partitions)


def check_item_partitions(present: Mapping[str, int]) -> None:
    """See that the topics of the items' side have one partition each.

    Args:
        present: partitions of those that are there, by name.

    Raises:
        ConfigurationError: one has more.

    >>> check_item_partitions({"items": 1})
    """
    if many := {name: count for name, count in present.items() if count != 1}:
        told = ", ".join(f"{name} {count}" for name, count in many.items())
        raise ConfigurationError(
            "Topics of the items' side must have one partition: one stream worker reads all of"
            f" them. Received: {told}. Make them anew, and publish the catalogue again."
        )
