"""Environment of the demo: a broker, a Redis, and every worker as a process of its own."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from millstream.errors import ConfigurationError
from millstream.kafka import create_topics
from millstream.settings import Settings, variable_name

if TYPE_CHECKING:
    from deploy.local import Process

WORKER_START_S = 300.0


@dataclass(frozen=True)
class Environment:
    """Everything that runs, and where to reach it."""

    settings: Settings
    variables: dict[str, str]
    broker: str
    folder: Path

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.settings.serving_port}"

    @property
    def metrics(self) -> dict[str, str]:
        """The `/metrics` of each worker."""
        return {
            "stream": f"http://127.0.0.1:{self.settings.stream_metrics_port}/metrics",
            "trainer": f"http://127.0.0.1:{self.settings.trainer_metrics_port}/metrics",
            "serving": f"{self.api}/metrics",
        }


@contextmanager
def services(folder: Path, first_snapshot_examples: int = 0) -> Iterator[Environment]:
    """A broker and a Redis with fresh data in `folder`, the topics, and the Feast repository.

    Args:
        first_snapshot_examples: what the baseline has learnt from when it is frozen.
    """
    from deploy.local import local_services

    _empty(folder)
    with local_services(folder / "services") as running:
        variables = {
            **running.environment(),
            **_ports(),
            variable_name("data_dir"): str(folder / "data"),
            variable_name("first_snapshot_examples"): str(first_snapshot_examples),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        os.environ.update(variables)
        environment = Environment(Settings(), variables, running.kind, folder)
        create_topics(environment.settings)
        _feast_apply()
        yield environment


@contextmanager
def workers(environment: Environment) -> Iterator[None]:
    """The three workers, ready, and the probe; ended with the block."""
    ports = {
        "serve": environment.settings.serving_port,
        "train": environment.settings.trainer_metrics_port,
        "stream": environment.settings.stream_metrics_port,
    }
    with ExitStack() as stack:
        started = {
            port: _start(stack, environment, name, *_OPTIONS.get(name, ()))
            for name, port in ports.items()
        }
        for port, process in started.items():
            process.wait_until(partial(_answers, port), WORKER_START_S)
        _start(stack, environment, "probe")
        yield


_OPTIONS = {"train": ("--frozen-baseline",)}


def _start(stack: ExitStack, environment: Environment, name: str, *options: str) -> "Process":
    """`millstream NAME`, ended with `stack`."""
    from deploy.local import Process

    command = [sys.executable, "-m", "millstream.cli", name, *options]
    process = Process(
        name, command, environment.folder / "logs" / f"{name}.log", environment.variables
    )
    stack.callback(process.stop)
    return process.start()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _empty(folder: Path) -> None:
    """Remove what an earlier run left, and nothing else that may be there."""
    for name in ("services", "data", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _ports() -> dict[str, str]:
    """Free ports, where the user has not chosen them: the demo must not meet another service."""
    names = ("serving_port", "stream_metrics_port", "trainer_metrics_port")
    ports = ((variable_name(name), Settings.model_fields[name].default) for name in names)
    return {name: os.environ.get(name) or str(_free_port(usual)) for name, usual in ports}


def _free_port(usual: int) -> int:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", usual)) != 0:
            return usual
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _feast_apply() -> None:
    """`feast apply`, as a data engineer would."""
    repository = Path(__file__).parents[2] / "feature_repo"
    feast = Path(sys.executable).with_name("feast")
    done = subprocess.run([feast, "apply"], cwd=repository, capture_output=True, text=True)
    if done.returncode != 0:
        raise ConfigurationError(f"`feast apply` failed: {done.stdout}{done.stderr}")
