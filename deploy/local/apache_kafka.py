"""Apache Kafka without an installer: one KRaft node on 127.0.0.1.

A start takes some 4 s and 370 MB; the jars are fetched once (see `deploy.local.kafka_jars`).
"""

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local.kafka_jars import kafka_libs, run_tool
from deploy.local.places import HOST, accepts_connections, free_ports
from deploy.local.service import LocalService

# One node is broker and controller. Internal topics have one replica and few partitions, the first
# member of a group is not kept waiting for others, and the session of a killed broker ends soon:
# quick starts, joins and restarts. Topics are made by `millstream topics create`, so a misspelt
# name must be an error here.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners={listeners},CONTROLLER://{host}:{controller_port}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
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
{properties}
"""


@dataclass(frozen=True)
class Listener:
    """A second listener on 127.0.0.1, beside the one in plain text.

    Args:
        port: that it listens on.
        protocol: `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
        properties: of it; its name is `second` (`listener.name.second....`).
        format_options: of Kafka's storage tool, such as `--add-scram`.
    """

    port: int
    protocol: str
    properties: Mapping[str, str]
    format_options: tuple[str, ...] = ()


class ApacheKafka(LocalService):
    """One Apache Kafka node on free ports.

    Args:
        folder: for its data and its log.
        second: another listener.
    """

    kind = "apache"
    durable = True

    def __init__(self, folder: Path, second: Listener | None = None) -> None:
        self._port, self._controller_port = free_ports(2)
        super().__init__(f"{HOST}:{self._port}", folder)
        self._second = second
        self._libs = kafka_libs()
        self._properties = folder / "server.properties"

    def prepare(self) -> None:
        """Write the configuration, and format the log folder where that has not been done."""
        data = self.folder / "data"
        self._properties.write_text(self._configuration(data))
        if (data / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One id in 64 begins with a dash: as an argument of its own it would pass for an option.
        format_it = ["format", f"--cluster-id={cluster}", "-c", str(self._properties)]
        format_it += self._second.format_options if self._second else ()
        tool = ["kafka.tools.StorageTool", *format_it]
        run_tool([*self._java("-Xmx128m"), *tool], "Kafka's storage could not be formatted")

    def _configuration(self, data: Path) -> str:
        listeners, second = [f"PLAINTEXT://{HOST}:{self._port}"], self._second
        if second is not None:
            listeners.append(f"SECOND://{HOST}:{second.port}")
        return PROPERTIES.format(
            host=HOST,
            listeners=",".join(listeners),
            controller_port=self._controller_port,
            data=data,
            protocols=f",SECOND:{second.protocol}" if second else "",
            properties="\n".join(f"{k}={v}" for k, v in second.properties.items())
            if second
            else "",
        )

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
