"""The sink on a disk that is really full: a limit of the kernel, in a process of its own."""

import subprocess
import sys
from pathlib import Path

# A file of the process may have `limit` bytes; what writes more gets an OSError from the kernel.
SCRIPT = """
import asyncio, resource, signal, sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from stream.outputs import parquet_sink as module
from stream.metrics import StreamMetrics
from stream.outputs.parquet_sink import OfflineSink
from tests.unit.stream.outputs.test_parquet_sink import feature_records, written

module.CHECK_S, module.FIRST_PAUSE_S = 0.01, 0.05
root, begins_full = Path(sys.argv[1]), sys.argv[2] == "begins_full"
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)

async def main():
    metrics, held, acks = StreamMetrics(CollectorRegistry()), [], []
    records = feature_records(20)
    sink = OfflineSink(root, 0.05, metrics, held.append)
    if begins_full:
        limit(100)
    running = asyncio.create_task(sink.run())
    if not begins_full:
        await until(lambda: (root / "item_stats").exists() and sink._appender is not None)
        limit(100)
    sink.put(records, lambda: acks.append(1))
    await until(lambda: metrics.trouble.labels(part="offline")._value.get() >= 2)
    assert held[-1] is True and not acks and not running.done(), (held, acks)
    assert not list(root.glob("*/.*.tmp")), "half a file is left"
    limit(hard)
    await until(lambda: acks)
    assert held[-1] is False
    sink.stop()
    await running
    assert written(root / "user_stats").num_rows == 20

asyncio.run(main())
"""


def run(folder: Path, when: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, str(folder), when]
    root = Path(__file__).parents[4]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_a_disk_that_gets_full_delays_the_rows_and_loses_none(tmp_path):
    done = run(tmp_path, "gets_full")
    assert done.returncode == 0, done.stderr


def test_a_disk_that_is_full_at_the_start_delays_the_rows_and_loses_none(tmp_path):
    done = run(tmp_path, "begins_full")
    assert done.returncode == 0, done.stderr
