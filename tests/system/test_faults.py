"""The short form of `tests.bench.bench_faults`: a kind of fault of each process, under load."""

from pathlib import Path

import pytest

from tests.bench.bench_faults import Faults

KINDS = (
    "kill the stream worker of the items",
    "Redis of seconds ago",
    "kill the trainer",
    "poison",
    "truncate the newest snapshot",
    "cut the connections to Redis",
)


@pytest.mark.timeout(900)
def test_faults_under_load_lose_nothing_and_double_nothing(tmp_path: Path):
    assert Faults(KINDS, seed=3, rate=60.0, most=len(KINDS)).run(tmp_path).is_even
