"""Fixtures that every test may ask for; the services start with the first test that needs them."""

import gc
import logging
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import prometheus_client  # noqa: F401 - before Feast, which would switch it to files
import pytest
from hypothesis import settings

from deploy.local import LocalServices, local_services
from tests.support.installation import Installation
from tests.support.redis_databases import RedisDatabases
from tests.support.sharing import ByFileAndModel

# What breaks is read first where it is quickest: pure logic, agreements, then the whole system.
ORDER = ("unit", "contracts", "golden", "system")
SYSTEM_TIMEOUT_S = 300
SEED = 1
# A connection whose other end was killed is closed when the garbage collector comes to it.
LEFT_BY_THE_KILLED = "ignore:unclosed <socket:ResourceWarning"

# The same examples every time; and how long one takes is a matter of the machine's other work.
settings.register_profile("seeded", derandomize=True, deadline=None)
settings.load_profile("seeded")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the folders in `ORDER`; mark and give time to what lies in `tests/system`."""
    here = Path(__file__).parent

    def folder(item: pytest.Item) -> str:
        return item.path.relative_to(here).parts[0]

    items.sort(key=lambda item: ORDER.index(folder(item)) if folder(item) in ORDER else len(ORDER))
    for item in items:
        if folder(item) == "system":
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.filterwarnings(LEFT_BY_THE_KILLED))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(SYSTEM_TIMEOUT_S))


def pytest_collection_finish() -> None:
    """Leave what was imported, TensorFlow above all, out of every garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndModel:
    """Share the tests among processes, where there are several."""
    return ByFileAndModel(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Networks begin with the same weights, whatever this process has tested before."""
    if "keras" not in sys.modules:
        return
    from tensorflow.python.eager import context

    # Setting TensorFlow's own seed makes it compile every graph that it has compiled once more.
    if context.global_seed() != SEED:
        sys.modules["keras"].utils.set_random_seed(SEED)
    random.seed(SEED)  # what Keras draws the seeds of weights from
    np.random.seed(SEED)


@pytest.fixture(scope="session", autouse=True)
def _quiet_kafka_clients() -> None:
    """Kafka clients report every closed connection; a test that fails says what matters."""
    for name in ("kafka", "aiokafka"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@pytest.fixture(autouse=True)
def _metrics_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers count in memory, though importing Feast asks all later processes to use files."""
    for name in ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServices]:
    """One real broker and one real Redis for the whole run. Do not end them: see `own_services`."""
    with local_services(tmp_path_factory.mktemp("services")) as running:
        yield running


@pytest.fixture
def own_services(tmp_path: Path) -> Iterator[LocalServices]:
    """A broker and a Redis for this test alone, to end and start again as it likes."""
    with local_services(tmp_path / "services") as running:
        yield running


@pytest.fixture(scope="session")
def kafka(services: LocalServices) -> str:
    """The bootstrap servers of the broker that the whole run shares."""
    return services.bootstrap_servers


@pytest.fixture(scope="session")
def redis_databases(services: LocalServices) -> RedisDatabases:
    """Databases of the Redis that the whole run shares."""
    return RedisDatabases(services.redis)


@pytest.fixture
def redis_url(redis_databases: RedisDatabases) -> str:
    """An empty Redis database."""
    return redis_databases.empty_one()


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """A prefix for topics that no other test has."""
    return Installation.fresh_prefix(request.node.name)


@pytest.fixture
def installation(
    services: LocalServices, redis_url: str, topic_prefix: str, tmp_path: Path
) -> Iterator[Installation]:
    """Topics, a Redis database and a data folder of its own, and workers that end with the test."""
    with Installation(services.bootstrap_servers, redis_url, topic_prefix, tmp_path) as own:
        own.create_topics()
        yield own
