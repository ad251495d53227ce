"""One installation of Millstream for one test: its settings, its topics, its workers."""

import json
import re
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.local import Process
from deploy.local.places import accepts_connections, free_ports
from millstream.kafka import admin, create_topics
from millstream.settings import Settings, variable_name
from millstream.topics import TOPICS
from tests.support.eventually import eventually
from tests.support.forked import Forked, forked

# TensorFlow's start-up notes are for its developers.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


class Installation:
    """Settings of its own on shared services.

    >>> with Installation(kafka, redis_url, prefix, folder) as own:  # doctest: +SKIP
    ...     own.create_topics()
    ...     stream = own.run("stream", ready=own.stream_listens)
    ...     stream.kill()

    Args:
        folder: for data and for the workers' logs.
        **settings: any other setting, by its name in `millstream.settings`.

    Attributes:
        forks: processes are forked from one that has imported everything, and do not import it
            again; where it is False they start as a person starts them.
    """

    forks: bool = False

    def __init__(
        self, kafka: str, redis_url: str, topic_prefix: str, folder: Path, **settings: Any
    ) -> None:
        stream_port, trainer_port, serving_port = free_ports(3)
        self.folder = folder
        self._chosen: dict[str, Any] = {
            "kafka_bootstrap_servers": kafka,
            "redis_url": redis_url,
            "topic_prefix": topic_prefix,
            "data_dir": folder / "data",
            "stream_metrics_port": stream_port,
            "trainer_metrics_port": trainer_port,
            "serving_port": serving_port,
            **settings,
        }
        self._workers: list[Process] = []

    @staticmethod
    def fresh_prefix(name: str) -> str:
        """A topic prefix that says which test it belongs to and that no other test has."""
        return f"{re.sub(r'[^a-z0-9]+', '-', name.lower())[:40]}-{uuid.uuid4().hex[:8]}."

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.kill()

    @property
    def settings(self) -> Settings:
        """The settings, as a worker of this installation sees them."""
        return Settings(**{"_env_file": None, **self._chosen})

    @property
    def environment(self) -> dict[str, str]:
        """The same as environment variables."""
        return {
            variable_name(name): json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in self._chosen.items()
        }

    def choose(self, **settings: Any) -> None:
        """Change settings for what is started from now on."""
        self._chosen.update(settings)

    def create_topics(self) -> None:
        """Create the topics that are not there yet, and wait until the broker names them."""
        create_topics(self.settings)
        wanted = {self.settings.topic(topic) for topic in TOPICS}
        with closing(admin(self.settings)) as client:
            eventually(lambda: wanted <= set(client.list_topics()), "the topics are there")

    def run(
        self,
        *arguments: str,
        ready: Callable[[], bool] | None = None,
        timeout_s: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """Start `millstream ARGUMENTS`; it is killed at the end of the test if it still runs.

        Args:
            environment: further variables.

        Raises:
            ServiceError: it ended, or was not ready in time; with the tail of its log.
        """
        name = f"{arguments[0]}-{len(self._workers)}"
        log, env = self.folder / f"{name}.log", {**self.environment, **QUIET, **(environment or {})}
        command = [sys.executable, "-m", "millstream.cli", *arguments]
        worker = (
            Forked(name, arguments, log, env) if self.forks else Process(name, command, log, env)
        )
        self._workers.append(worker)
        return worker.start(ready, timeout_s)

    def run_python(self, module: str, *arguments: str) -> Process:
        """Start `python -m MODULE ARGUMENTS` as `run` starts a command."""
        name = f"{module.rpartition('.')[2]}-{len(self._workers)}"
        log, env = self.folder / f"{name}.log", {**self.environment, **QUIET}
        worker = Process(name, [sys.executable, "-m", module, *arguments], log, env)
        self._workers.append(worker)
        return worker.start()

    @staticmethod
    def new_port() -> int:
        """A port that nobody listens on."""
        (port,) = free_ports(1)
        return port

    def command(
        self,
        *arguments: str,
        stdin: str = "",
        folder: Path | None = None,
        timeout_s: float = 120.0,
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Fork `millstream ARGUMENTS` and wait for its end.

        Args:
            folder: where it works; None is that of this process.
            environment: further variables.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as kept:
            files = {name: Path(kept, name) for name in ("stdin", "stdout", "stderr")}
            files["stdin"].write_text(stdin)
            own = {**self.environment, **QUIET, "COLUMNS": "250", **(environment or {})}
            child = forked(arguments, own, folder, **files)
            if not child.wait(timeout_s):
                child.signal(signal.SIGKILL)
                child.wait(timeout_s)
            said = [files[name].read_text() for name in ("stdout", "stderr")]
        assert child.code is not None
        return subprocess.CompletedProcess(arguments, child.code, *said)

    def stream_listens(self) -> bool:
        """Whether the stream worker's metrics port is open."""
        return accepts_connections(self._chosen["stream_metrics_port"])

    def trainer_listens(self) -> bool:
        """Whether the trainer's metrics port is open."""
        return accepts_connections(self._chosen["trainer_metrics_port"])

    def serving_listens(self) -> bool:
        """Whether the serving worker's port is open."""
        return accepts_connections(self._chosen["serving_port"])
