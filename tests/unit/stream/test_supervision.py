"""No part of the stream worker ends unseen."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from stream.ingest.records import TopicPartition
from stream.ingest.sequence import ChunkLost
from stream.main import StreamEnded, _Parts, _supervised
from stream.metrics import StreamMetrics
from tests.support.stream_cases import interaction, record

A = TopicPartition("interactions", 0)


class Taking:
    """A worker that takes chunks, but for one that it cannot."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    async def assign(self, ends):
        return dict.fromkeys(ends, 0)

    def put(self, source, records, behind, ack) -> None:
        if records[0].offset == 1:
            raise RecursionError("too deep")
        self.taken.append(records[0].offset)


async def parts() -> Any:
    made: Any = _Parts(StreamMetrics(CollectorRegistry()))
    made.worker = Taking()
    await made.assigned({A: 3})
    return made


def ready(made: Any) -> float | None:
    value: float | None = made._metrics.registry.get_sample_value("millstream_stream_ready")
    return value


def take(made: Any, offset: int) -> None:
    """A chunk of one record, as the agent hands it on."""
    try:
        made.take(A, [record(interaction(1), 0, offset)], offset, 0, lambda: None)
    except Exception as error:
        made.failed(error)


async def forever() -> None:
    await asyncio.Event().wait()


async def ends() -> None:
    pass


async def test_a_chunk_that_cannot_be_taken_ends_the_worker_and_none_is_taken_after_it():
    made = await parts()
    assert ready(made) == 1.0
    for offset in range(3):
        take(made, offset)
    assert made.worker.taken == [0]
    assert ready(made) == 0.0
    with pytest.raises(RecursionError):
        await _supervised(asyncio.get_running_loop().create_future(), {"agents": made.crashed})


async def test_a_chunk_that_went_missing_ends_the_worker():
    made = await parts()
    take(made, 0)
    take(made, 2)
    with pytest.raises(ChunkLost, match="Chunks must follow one another"):
        made.crashed.result()


async def test_a_part_that_stops_unasked_is_an_error_that_names_it():
    tasks = {"sink": asyncio.create_task(ends()), "worker": asyncio.create_task(forever())}
    with pytest.raises(StreamEnded, match="The stream worker ends: sink stopped unasked"):
        await _supervised(asyncio.get_running_loop().create_future(), tasks)
    tasks["worker"].cancel()


async def test_being_asked_to_end_is_none():
    asked = asyncio.get_running_loop().create_future()
    asked.set_result(None)
    working = asyncio.create_task(forever())
    await _supervised(asked, {"worker": working})
    working.cancel()
