"""One applied Feast repository for all tests here: importing Feast and applying takes a while."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from features.stores.parts import parts_in
from features.stores.redis_online import RedisOnlineStore
from tests.support.feast_repository import FeastRepository
from tests.support.redis_databases import RedisDatabases

PROJECT = "millstream"


@pytest.fixture(scope="session")
def redis_url_of_feast(redis_databases: RedisDatabases) -> str:
    return redis_databases.empty_one()


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory, redis_url_of_feast: str) -> FeastRepository:
    """The repository after `feast apply`."""
    repository = FeastRepository(tmp_path_factory.mktemp("feast"), redis_url_of_feast)
    done = repository.feast("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    return repository


@pytest.fixture(scope="session")
def feast_store(applied: FeastRepository) -> Any:
    """Feast's SDK on the repository."""
    return applied.store()


@pytest.fixture
def redis_client(redis_url_of_feast: str) -> Iterator["redis.Redis"]:
    """The Redis that the repository is on, empty."""
    with redis.Redis.from_url(redis_url_of_feast) as client:
        client.flushdb()
        yield client


@pytest.fixture
def online(redis_client: "redis.Redis") -> RedisOnlineStore:
    """Our store on the same Redis."""
    return RedisOnlineStore(redis_client, PROJECT)


@pytest.fixture
def offline_folder(applied: FeastRepository) -> Path:
    """The offline folder, without rows."""
    for view in applied.offline.iterdir():
        for part in parts_in(view):
            (view / part.name).unlink()
    return applied.offline
