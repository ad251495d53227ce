"""The topics of a running installation as a log; they are only read."""

import time
from collections.abc import Iterator

from features.topic_events import TopicMessage, event_of
from millstream import topic_reading
from millstream.errors import InvalidEvent
from millstream.events import Event
from millstream.settings import Settings
from millstream.topics import IMPRESSIONS, INTERACTIONS, ITEMS, USERS
from simulation.event_log import log_of_events
from simulation.log import EventLog

TOPICS = (ITEMS, USERS, INTERACTIONS, IMPRESSIONS)


def read_topics(settings: Settings) -> EventLog:
    """Everything that the event topics hold now.

    An event that comes twice counts once, where it came first; what is no event is left out, and so
    are probes: the stream refuses the one and learns nothing from the other.

    Raises:
        LogUnavailable: no broker answers, or a topic is not there.
    """
    events: dict[str, Event] = {}
    for event in _events(settings):
        if not event.is_probe:
            events.setdefault(event.event_id, event)
    return log_of_events(events.values())


def _events(settings: Settings) -> Iterator[Event]:
    now_s = time.time()
    for topic in TOPICS:
        for record in topic_reading.messages(settings, topic):
            place = record.origin or record  # what was moved is the same event
            message = TopicMessage(
                topic.name,
                place.partition,
                place.offset,
                place.timestamp_s,
                record.key,
                record.value,
            )
            try:
                yield event_of(message, now_s)
            except InvalidEvent:
                continue
