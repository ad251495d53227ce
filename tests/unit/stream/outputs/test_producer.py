import asyncio
import base64
import json

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from faust.exceptions import ProducerSendError

from millstream.clock import FakeClock
from millstream.partitioning import Origin
from millstream.settings import Settings
from millstream.topics import DEAD_LETTERS, EXAMPLES, USERS
from stream.outputs import producer as module
from stream.outputs.messages import OutputMessage
from stream.outputs.producer import MessageProducer, is_permanent


class Producer:
    """Takes messages, but refuses those it is told to, once each."""

    def __init__(self, refused: set[bytes], limit: int = 10_000) -> None:
        self.refused = refused
        self.limit = limit
        self.taken: list[bytes] = []

    async def send_and_wait(self, *, topic: str, value: bytes, **options) -> None:
        assert topic in ("test.examples", "test.dead-letters")
        await asyncio.sleep(0)
        if len(value) > self.limit:
            raise ProducerSendError("Error while sending") from MessageSizeTooLargeError()
        if value in self.refused:
            self.refused.discard(value)
            raise ConnectionError("no broker")
        self.taken.append(value)


@pytest.fixture
def settings():
    return Settings(topic_prefix="test.", _env_file=None)


def messages(*values: bytes) -> list[OutputMessage]:
    return [OutputMessage(EXAMPLES, None, value) for value in values]


async def test_messages_go_out_in_order(settings):
    producer = Producer(set())
    await MessageProducer(producer, settings).publish(messages(b"a", b"b", b"c"))
    assert producer.taken == [b"a", b"b", b"c"]


async def test_none_goes_out_before_one_that_failed_as_its_readers_would_drop_that(
    settings, monkeypatch
):
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    producer, trouble = Producer({b"b"}), []
    publisher = MessageProducer(producer, settings, lambda: trouble.append(1))
    await publisher.publish(messages(b"a", b"b", b"c"))
    assert producer.taken == [b"a", b"b", b"c"]
    assert len(trouble) == 1


async def test_what_needs_no_order_goes_out_beside_one_that_failed(settings, monkeypatch):
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    producer = Producer({b"a"})
    letter = OutputMessage(DEAD_LETTERS, b"k", b"z")
    await MessageProducer(producer, settings).publish([*messages(b"a", b"b"), letter])
    assert producer.taken[0] == b"z"
    assert [each for each in producer.taken if each != b"z"] == [b"a", b"b"]


async def test_what_can_never_succeed_is_dropped_at_once_and_the_rest_goes_on(settings):
    producer, trouble, dropped = Producer(set(), limit=1_000), [], []
    publisher = MessageProducer(
        producer, settings, lambda: trouble.append(1), dropped.append, FakeClock(5.0)
    )
    large = bytes(100_000)
    await publisher.publish(messages(b"a", large, b"c"))
    assert producer.taken[:2] == [b"a", b"c"]
    assert (dropped, trouble) == ([EXAMPLES, DEAD_LETTERS], [])


async def test_the_letter_for_a_dropped_message_is_sent(settings):
    class Picky(Producer):
        async def send_and_wait(self, *, topic: str, value: bytes, **options) -> None:
            if value == b"bad":
                raise MessageSizeTooLargeError
            await super().send_and_wait(topic=topic, value=value, **options)

    producer = Picky({b"b"})
    await MessageProducer(producer, settings, clock=FakeClock(5.0)).publish(messages(b"bad", b"b"))
    assert producer.taken[0] == b"b"
    letter = json.loads(producer.taken[1])
    assert (letter["topic"], letter["failed_at"]) == ("examples", 5.0)
    assert "MessageSizeTooLargeError" in letter["reason"]
    assert base64.b64decode(letter["original"]) == b"bad"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MessageSizeTooLargeError(), True),
        (ValueError("no bytes"), True),
        (KafkaTimeoutError(), False),
        (TopicAuthorizationFailedError("examples"), False),
        (ConnectionError("no broker"), False),
    ],
)
def test_only_what_is_wrong_with_the_message_itself_is_permanent(error, expected):
    assert is_permanent(error) is expected


async def test_an_event_that_is_moved_goes_where_it_is_told_with_its_origin_and_time(settings):
    class Noted(Producer):
        async def send_and_wait(self, **options) -> None:
            self.options = options

    producer, origin = Noted(set()), Origin(3, 17, 1.5)
    moved = OutputMessage(USERS, b"ann", None, 9, 1.5, (origin.header(),))
    await MessageProducer(producer, settings).publish([moved])
    assert producer.options == {
        "topic": "test.users",
        "key": b"ann",
        "value": None,
        "partition": 9,
        "timestamp": 1.5,
        "headers": [("millstream-origin", b"3:17:1500")],
    }
