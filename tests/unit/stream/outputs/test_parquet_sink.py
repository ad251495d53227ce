import asyncio
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prometheus_client import CollectorRegistry

from features.stores.parts import parts_in
from stream.ingest.records import SourceRecord, TopicPartition
from stream.metrics import StreamMetrics
from stream.outputs import parquet_sink as module
from stream.outputs.messages import messages
from stream.outputs.parquet_sink import OfflineSink
from tests.support.stream_cases import MemoryStream, interaction

FEATURES = TopicPartition("features", 0)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "CHECK_S", 0.01)


def feature_records(count: int) -> list[SourceRecord]:
    """The messages of `count` clicks, one batch each: two views a click."""
    stream = MemoryStream()
    batches = [messages(stream.run(interaction(n))) for n in range(count)]
    found = [m for batch in batches for m in batch if m.topic.name == "features"]
    return [
        SourceRecord(FEATURES, n, message.key, message.value) for n, message in enumerate(found)
    ]


def written(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(folder / part.name) for part in parts_in(folder)])


def sink_in(folder: Path, flush_s: float) -> OfflineSink:
    return OfflineSink(folder, flush_s, StreamMetrics(CollectorRegistry()))


async def run_until(sink: OfflineSink, condition) -> None:
    running = asyncio.create_task(sink.run())
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)
    sink.stop()
    await running


async def test_rows_are_in_files_before_their_chunk_is_acknowledged(tmp_path):
    sink, rows_at_ack = sink_in(tmp_path, 0.05), []
    sink.put(feature_records(3), lambda: rows_at_ack.append(written(tmp_path / "user_stats")))
    await run_until(sink, lambda: rows_at_ack)
    assert rows_at_ack[0].num_rows == 3
    assert rows_at_ack[0]["user_events_30d"].to_pylist() == pytest.approx([1, 2, 3], rel=1e-4)


async def test_what_is_left_is_written_at_the_end(tmp_path):
    sink, acks = sink_in(tmp_path, 3600.0), []
    sink.put(feature_records(2), lambda: acks.append(1))
    sink.stop()
    await sink.run()
    assert acks == [1]
    assert written(tmp_path / "item_stats").num_rows == 2


async def test_what_comes_again_after_a_restart_is_written_once(tmp_path):
    for _ in range(2):
        sink = sink_in(tmp_path, 3600.0)
        sink.put(feature_records(2), lambda: None)
        sink.stop()
        await sink.run()
    assert written(tmp_path / "user_stats").num_rows == 2


async def test_what_is_no_feature_rows_is_left_out(tmp_path, caplog):
    sink, acks = sink_in(tmp_path, 0.01), []
    poison = [SourceRecord(FEATURES, 0, None, b"poison"), SourceRecord(FEATURES, 1, None, None)]
    good = [SourceRecord(FEATURES, 2 + r.offset, r.key, r.value) for r in feature_records(1)]
    sink.put([*poison, *good], lambda: acks.append(1))
    await run_until(sink, lambda: acks)
    assert written(tmp_path / "user_stats").num_rows == 1
    assert "at offset 0" in caplog.text
