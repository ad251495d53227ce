"""Publishing: every delivery is accounted for, and the pace is kept."""

import pytest
from kafka.errors import KafkaTimeoutError

from millstream.errors import LogUnavailable
from millstream.events import Interaction
from millstream.publishing import EventPublisher, paced
from millstream.settings import Settings


class FakeFuture:
    def __init__(self, error):
        self.error = error

    def add_errback(self, callback):
        if self.error:
            callback(self.error)


class FakeProducer:
    def __init__(self, error=None):
        self.sent = []
        self.error = error

    def send(self, topic, value, key):
        self.sent.append((topic, key))
        return FakeFuture(self.error)

    def flush(self, timeout):
        pass


CLICK = Interaction(
    event_id="e", event_time=1_700_000_000.0, user_id="u", item_id="i", kind="click"
)


def test_an_interaction_goes_to_its_topic_keyed_by_user():
    producer = FakeProducer()
    EventPublisher(producer, Settings(topic_prefix="t.")).send(CLICK)
    assert producer.sent == [("t.interactions", b"u")]


def test_a_delivery_that_failed_is_not_forgotten():
    publisher = EventPublisher(FakeProducer(KafkaTimeoutError("late")), Settings())
    publisher.send(CLICK)
    with pytest.raises(LogUnavailable, match="An event was not delivered: .*late"):
        publisher.flush()


def test_items_are_not_handed_on_faster_than_asked():
    time = [0.0]

    def sleep(seconds):
        time[0] += seconds

    assert len(list(paced(range(101), 10.0, now=lambda: time[0], sleep=sleep))) == 101
    assert time[0] == pytest.approx(10.0)


def test_without_a_rate_nothing_sleeps():
    def sleep(_):
        raise AssertionError("slept")

    assert list(paced([1, 2], None, sleep=sleep)) == [1, 2]
