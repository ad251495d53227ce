"""Apache Kafka without an installer: its jars from Maven, one KRaft node on 127.0.0.1.

The jars (43 MB) are fetched once into the cache folder; a start takes some 4 s and 370 MB.
"""

import base64
import logging
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local.places import HOST, accepts_connections, cache_dir, free_ports
from deploy.local.process import ServiceError
from deploy.local.service import LocalService

VERSION = "4.3.1"
OLDEST_JAVA = 17

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millstream</groupId><artifactId>local-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""

# One node is broker and controller. Internal topics have one replica and few partitions, the first
# member of a group is not kept waiting for others, and the session of a killed broker ends soon:
# quick starts, joins and restarts. Topics are made by `millstream topics create`, so a misspelt
# name must be an error here.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=16777216
"""

log = logging.getLogger(__name__)


class ApacheKafka(LocalService):
    """One Apache Kafka node on free ports."""

    kind = "apache"
    durable = True

    def __init__(self, folder: Path) -> None:
        self._port, self._controller_port = free_ports(2)
        super().__init__(f"{HOST}:{self._port}", folder)
        self._libs = kafka_libs()
        self._properties = folder / "server.properties"

    def prepare(self) -> None:
        """Write the configuration and format the log folder, once."""
        data = self.folder / "data"
        if (data / "meta.properties").exists():
            return
        self._properties.write_text(
            PROPERTIES.format(
                host=HOST, port=self._port, controller_port=self._controller_port, data=data
            )
        )
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties)]
        _run([*self._java("-Xmx128m"), *tool], "Kafka's storage could not be formatted")

    def command(self) -> list[str]:
        """The broker: small heap, quick start."""
        options = ["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        return [*self._java(*options), "kafka.Kafka", str(self._properties)]

    def ready(self) -> bool:
        """The node has joined its own cluster and can be asked for topics."""
        if not accepts_connections(self._port):
            return False
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=2000)
        except KafkaError:
            return False
        try:
            return bool(admin.describe_cluster()["brokers"])
        except (KafkaError, KeyError):
            return False
        finally:
            admin.close()

    def _java(self, *options: str) -> list[str]:
        quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *options, *quick, "-cp", f"{self._libs}/*"]


def apache_kafka_possible() -> bool:
    """Whether Java is new enough, and the jars are there or Maven can fetch them."""
    return java_version() >= OLDEST_JAVA and (
        _libs_folder().is_dir() or shutil.which("mvn") is not None
    )


def java_version() -> int:
    """The major version of the `java` on the PATH; 0 where there is none."""
    try:
        done = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found[1]) if found and done.returncode == 0 else 0


def kafka_libs() -> Path:
    """The folder with Kafka's jars, fetched at the first call.

    Raises:
        ServiceError: Maven could not fetch them.
    """
    libs = _libs_folder()
    if libs.is_dir():
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    log.info("Fetching Apache Kafka %s from Maven into %s", VERSION, libs)
    with tempfile.TemporaryDirectory(dir=libs.parent, prefix=".fetching-") as folder:
        Path(folder, "pom.xml").write_text(POM)
        maven = ["mvn", "-q", "-B", "-f", f"{folder}/pom.xml", "dependency:copy-dependencies"]
        scope = ["-DincludeScope=runtime", f"-DoutputDirectory={folder}/libs"]
        _run([*maven, *scope], "Maven could not fetch Apache Kafka")
        if not libs.is_dir():  # somebody else may have been quicker
            Path(folder, "libs").rename(libs)
    return libs


def _libs_folder() -> Path:
    return cache_dir() / f"kafka-{VERSION}"


def _run(command: list[str], failure: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{failure}: {error}") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-2000:]
        raise ServiceError(f"{failure} (exit code {done.returncode}):\n{said}")
