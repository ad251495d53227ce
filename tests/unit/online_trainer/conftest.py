"""Trainers for the tests of this folder."""

from collections.abc import Iterator

import pytest

from millstream.settings import Settings
from tests.support.training import Trainers

SETTINGS = Settings(
    batch_size=64, embedding_width=4, embedding_learning_rate=0.2, dense_learning_rate=0.003
)


@pytest.fixture(scope="session")
def _all_trainers() -> Trainers:
    return Trainers(SETTINGS)


@pytest.fixture
def trainers(_all_trainers: Trainers) -> Iterator[Trainers]:
    """Trainers that have learnt nothing, on demand."""
    yield _all_trainers
    _all_trainers.take_back()
