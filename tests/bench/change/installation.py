"""The installation of a run: its project, its workers, and how each is changed."""

import argparse
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from deploy.local import Process
from deploy.local.places import accepts_connections, free_ports
from millstream.domain.current import VARIABLE
from tests.bench.change.traffic import Asking
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.scrape import scrape

ROOT = Path(__file__).parents[3]
NEW_MODELS = {"ranker": "deepfm", "retriever": "youtube_dnn"}
ADDED = """
[user.features.events_9d]
family = "count"
of = "events"
half_life = "9d"

[item.features.events_9d]
family = "count"
of = "events"
half_life = "9d"
"""


def metrics_of(port: int) -> dict[str, float]:
    """What a worker's `/metrics` says; nothing where it does not answer in time."""
    try:
        return scrape(port)
    except OSError:
        return {}


class Run:
    """The installation of a run, and its workers."""

    def __init__(self, own: Installation, chosen: argparse.Namespace) -> None:
        self.own, self.chosen = own, chosen
        self.project = own.folder / "project"
        self.workers: dict[str, Process] = {}
        self.ports = [own.settings.serving_port, *free_ports(1)]

    def start(self, name: str) -> None:
        """Start a worker, and wait until it listens."""
        variables = {VARIABLE: str(self.project)}
        if name.startswith("serve"):
            port = self.ports[int(name[-1])]
            variables["MILLSTREAM_SERVING_PORT"] = str(port)
            self.workers[name] = self.own.run(
                "serve",
                ready=lambda: accepts_connections(port),
                timeout_s=180.0,
                environment=variables,
            )
            return
        ready = self.own.stream_listens if name == "stream" else self.own.trainer_listens
        self.workers[name] = self.own.run(name, ready=ready, timeout_s=180.0, environment=variables)

    def restart(self, name: str) -> None:
        """Stop a worker as an operator does, and start it again."""
        self.workers[name].stop()
        self.start(name)

    def url(self, place: int) -> str:
        """Address of a serving worker."""
        return f"http://127.0.0.1:{self.ports[place]}"

    def command(self, *words: str) -> "subprocess.Popen[str]":
        """Start `millstream WORDS` in the project."""
        return subprocess.Popen(
            [sys.executable, "-m", "millstream.cli", *words],
            env={**os.environ, **self.own.environment, VARIABLE: str(self.project)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def add_feature(self, asking: Asking) -> None:
        """Add it to the project, apply it, and restart every worker, serving one by one."""
        file = self.project / "domain.toml"
        file.write_text(file.read_text() + ADDED)
        applying = self.command("apply", "--yes")
        assert applying.stdout is not None
        for line in applying.stdout:
            print(f"    {line.rstrip()}", flush=True)
            if "Stop the stream worker now" in line:
                self.workers["stream"].stop()
        assert applying.wait() == 0, "`millstream apply` failed"
        self.start("stream")
        for place in (0, 1):
            asking.urls = [self.url(1 - place)]
            time.sleep(1.0)  # what is under way ends
            self.restart(f"serve {place}")
            eventually(partial(self._is_ready, place), "ready", 120.0)
        asking.urls = [self.url(0), self.url(1)]
        self.restart("train")

    def _is_ready(self, place: int) -> bool:
        return metrics_of(self.ports[place]).get("millstream_serving_snapshot_version", 0.0) > 0

    def change_model(self) -> None:
        """Restart the trainer with another ranker or retriever."""
        self.workers["train"].stop()
        self.own.choose(**{self.chosen.change: self.chosen.to or NEW_MODELS[self.chosen.change]})
        self.start("train")
