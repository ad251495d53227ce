import json

import pytest
from kafka.errors import KafkaTimeoutError

from millstream.settings import Settings
from millstream.snapshots import Announcement
from online_trainer.io.consumer import KafkaSender
from online_trainer.io.outbox import Outbox


class FakeProducer:
    """Takes messages while it is up."""

    def __init__(self) -> None:
        self.is_up = True
        self.sent: list[tuple[str, bytes, bytes]] = []

    def send(self, topic: str, value: bytes, key: bytes) -> "FakeProducer":
        self._last = (topic, key, value)
        return self

    def get(self, timeout: float) -> None:
        if not self.is_up:
            raise KafkaTimeoutError("no broker")
        self.sent.append(self._last)

    def close(self, timeout: float) -> None:
        self.is_up = False


@pytest.fixture
def producer(monkeypatch) -> FakeProducer:
    made = FakeProducer()
    monkeypatch.setattr("online_trainer.io.consumer.kafka.producer", lambda settings: made)
    return made


def announcement(version: int) -> Announcement:
    return Announcement(version=version, status="published", kind="full", path="/p", created_at=1.0)


def test_what_the_broker_did_not_take_is_sent_later_in_order(producer, caplog):
    outbox = Outbox(KafkaSender(Settings()))
    producer.is_up = False
    outbox.announce(announcement(1))
    outbox.flush()
    outbox.announce(announcement(2))
    outbox.flush()
    assert producer.sent == []
    assert "2 messages wait for the broker" in caplog.text
    producer.is_up = True
    outbox.flush()
    assert [key for _, key, _ in producer.sent] == [b"1", b"2"]
    assert producer.sent[0][0] == "millstream.snapshots"


def test_a_dead_letter_says_what_was_wrong_and_where(producer):
    outbox = Outbox(KafkaSender(Settings()))
    outbox.refuse(17, b"\x00bad", "Expected an Arrow IPC stream.", 5.0)
    outbox.close()
    ((topic, _, value),) = producer.sent
    letter = json.loads(value)
    assert topic == "millstream.dead-letters"
    assert (letter["offset"], letter["failed_at"]) == (17, 5.0)
    assert letter["reason"] == "Expected an Arrow IPC stream."
    assert letter["original"] == "AGJhZA=="


def test_an_original_that_would_not_fit_stays_behind(producer):
    outbox = Outbox(KafkaSender(Settings()))
    outbox.refuse(1, bytes(900_000), "too much", 5.0)
    outbox.flush()
    assert json.loads(producer.sent[0][2])["original"] is None
