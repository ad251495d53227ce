"""Every Kafka client over TLS and SASL, on a real broker with certificates made here."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local import LocalServices
from deploy.local.kafka import kafka_service
from features.spec import USER_STATS
from millstream.errors import LogUnavailable
from millstream.kafka import create_topics, producer
from millstream.publishing import EventPublisher
from millstream.snapshots import SnapshotReader
from millstream.topics import TOPICS
from tests.support.certificates import Authority
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.outage import ITEMS, SMALL, USERS, clicks
from tests.support.secure_kafka import PASSWORD, USER, secure_kafka
from tests.support.stream_cases import item_upsert
from tests.support.stream_outcome import online

TIMEOUT_S = 90.0

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[str]:
    """Where the broker listens for those who prove themselves."""
    folder = tmp_path_factory.mktemp("secure")
    if (kind := kafka_service(folder / "asked").kind) != "apache":
        pytest.skip(f"Apache Kafka is needed, here is {kind}")
    kafka, address = secure_kafka(folder / "kafka", authority)
    kafka.start()
    yield address
    kafka.stop()


@pytest.fixture
def secure(
    services: LocalServices,
    broker: str,
    authority: Authority,
    redis_url: str,
    topic_prefix: str,
    tmp_path: Path,
) -> Iterator[Installation]:
    """An installation that knows how to speak to the broker; the password is in a file."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    options: dict[str, Any] = {
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_sasl_username": USER,
        "kafka_sasl_password": PASSWORD,
        "kafka_ssl_cafile": authority.ca,
    }
    with Installation(broker, redis_url, topic_prefix, tmp_path, **SMALL, **options) as own:
        yield own


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_each_mechanism_gets_in(secure: Installation, mechanism: str):
    secure.choose(kafka_sasl_mechanism=mechanism)
    assert len(create_topics(secure.settings)) == len(TOPICS)
    client = producer(secure.settings)
    publisher = EventPublisher(client, secure.settings)
    publisher.send(clicks(1, first=0)[0])
    publisher.flush()
    client.close()


def test_who_has_the_wrong_password_or_trusts_another_authority_stays_outside(
    secure: Installation, tmp_path: Path
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a client that is refused closes nothing
        secure.choose(kafka_sasl_password="guessed")
        with pytest.raises(LogUnavailable) as refused:
            create_topics(secure.settings)
        assert "guessed" not in str(refused.value)
        other = Authority(tmp_path / "other").ca
        secure.choose(kafka_sasl_password=PASSWORD, kafka_ssl_cafile=other)
        with pytest.raises(LogUnavailable):
            create_topics(secure.settings)
        del refused
        gc.collect()


def test_the_whole_loop_runs_over_tls_and_sasl(secure: Installation, tmp_path: Path):
    del secure._chosen["kafka_sasl_password"]
    secret = {"KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password")}
    created = secure.run("topics", "create", environment=secret)
    assert created.wait(TIMEOUT_S) == 0
    events = [*(item_upsert(-10, item, title=item) for item in ITEMS), *clicks(300, first=0)]
    workers = [
        secure.run("stream", ready=secure.stream_listens, environment=secret),
        secure.run("train", environment=secret),
        secure.run("serve", environment=secret),
    ]
    workers[-1].wait_until(secure.serving_listens, TIMEOUT_S)
    secure.choose(kafka_sasl_password=PASSWORD)
    own = secure.settings
    client = producer(own)
    publisher = EventPublisher(client, own)
    for event in events:
        publisher.send(event)
    publisher.flush()
    client.close()
    with httpx.Client(base_url=f"http://127.0.0.1:{own.serving_port}", timeout=20) as http:
        click = {"type": "interaction", "user_id": "visitor", "item_id": ITEMS[0], "kind": "click"}

        def posted() -> bool:
            return http.post("/v1/events", json=[click]).status_code == httpx.codes.ACCEPTED

        def served() -> bool:
            ready = http.get("/readyz").json()
            return bool(ready["model_version"]) and ready["items"] == len(ITEMS)

        eventually(posted, "an event is taken", TIMEOUT_S)
        eventually(lambda: counted(secure) == 300, "features through the stream", TIMEOUT_S)
        eventually(served, "catalogue and weights through Kafka", TIMEOUT_S)
    assert SnapshotReader(own.snapshot_dir).latest()
    for worker in workers:
        worker.stop()
        assert PASSWORD not in worker.log.read_text()


def counted(own: Installation) -> int:
    """Events in the features of all users."""
    rows = online(own.settings, USER_STATS, USERS)
    return round(sum(row["user_events_30d"] or 0.0 for row in rows))
