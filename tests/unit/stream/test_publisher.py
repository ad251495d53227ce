import asyncio

import pytest

from millstream.settings import Settings
from millstream.topics import EXAMPLES
from stream import publisher as module
from stream.messages import Message
from stream.publisher import Publisher


class Producer:
    """Takes messages, but refuses those it is told to, once each."""

    def __init__(self, refused: set[bytes]) -> None:
        self.refused = refused
        self.taken: list[bytes] = []

    async def send_and_wait(self, *, topic: str, value: bytes, **options) -> None:
        assert topic == "test.examples"
        await asyncio.sleep(0)
        if value in self.refused:
            self.refused.discard(value)
            raise ConnectionError("no broker")
        self.taken.append(value)


@pytest.fixture
def settings():
    return Settings(topic_prefix="test.", _env_file=None)


def messages(*values: bytes) -> list[Message]:
    return [Message(EXAMPLES, None, value) for value in values]


async def test_messages_go_out_in_order(settings):
    producer = Producer(set())
    await Publisher(producer, settings).publish(messages(b"a", b"b", b"c"))
    assert producer.taken == [b"a", b"b", b"c"]


async def test_what_comes_after_a_failure_is_sent_again_so_that_the_order_stays(
    settings, monkeypatch
):
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    producer, trouble = Producer({b"b"}), []
    publisher = Publisher(producer, settings, lambda: trouble.append(1))
    await publisher.publish(messages(b"a", b"b", b"c"))
    last = {value: place for place, value in enumerate(producer.taken)}
    assert last[b"a"] < last[b"b"] < last[b"c"]
    assert len(trouble) == 1
