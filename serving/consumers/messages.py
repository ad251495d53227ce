"""Records of the log as messages of their topic."""

from aiokafka import ConsumerRecord

from features.topic_events import TopicMessage
from millstream.topics import Topic


def message_of(record: ConsumerRecord, topic: Topic) -> TopicMessage:
    """A record of `topic`, without the installation's prefix."""
    written_s = record.timestamp / 1000.0
    return TopicMessage(
        topic.name, record.partition, record.offset, written_s, record.key, record.value
    )
