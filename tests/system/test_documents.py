"""The commands of README.md and docs/, run as they stand there on a running installation.

Each command in a fenced block is either run, or listed in `NOT_RUN` with the reason;
`tests/contracts/test_documents.py` holds those to what exists.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.local import LocalServices
from millstream.topics import DEAD_LETTERS, INTERACTIONS
from tests.support.documents import PAGES, ROOT, Command, blocks, shell_commands
from tests.support.eventually import eventually
from tests.support.installation import Installation
from tests.support.redis_databases import RedisDatabases
from tests.support.topics import publish, read

# Commands that are not run, and why.
NOT_RUN = {
    r"millstream backtest clicks\.csv\.zst .*": "wants hours of clicks; the other one is run",
    r"millstream backtest events\.jsonl --compare .*": "replays it twice; see test_variants.py",
    r"millstream bootstrap .*": "wants an empty installation; see test_bootstrap.py",
    r"millstream backfill .*(parquet|--topics|--database).*": "reads as the other one does",
    r"millstream (serve --all-in-one|migrate) .*": "runs alone; see test_small_box.py",
    r"millstream backtest clicks\.csv --from .*": "compares what a search has found",
    r"millstream tune .*": "trains for minutes; unit tests search",
    r"millstream demo .*": "starts a broker and workers of its own, and streams for a minute",
    r"zstd -dc .*": "wants logs that nobody may pass on",
    r"python tests/bench/.*": "measures for minutes, on logs that nobody may pass on",
    r"make \w+.*": "takes minutes, and `make test` runs this; see test_make.py",
    r"\. \.venv/bin/activate": "what it puts on the PATH is there already",
    r"docker compose .*": "needs Docker",
    r"python -m deploy\.local": "runs until Ctrl-C; the same services run here",
    r"MILLSTREAM_PROJECT=my-shop .*": "another domain than the one that runs here",
    r"millstream stream & .*": "the workers run here already, one command each",
    r"millstream train --model .*": "runs until it is stopped; test_trainer_resume.py trains",
    r"MILLSTREAM_RETRIEVER=.* millstream train": "runs until it is stopped, as the other",
    r"millstream next-item .*": "trains for hours",
    r"millstream (eval|importance) .*ml-100k.*": "fetches MovieLens and trains for minutes",
    r"millstream eval (all .*|.*libfm:.*)": "trains for minutes; two models are run",
    r"millstream eval (?!.*ml-100k).*--protocol .*": "wants a log; unit tests run each",
}
EPOCHS = " --epochs 1"
# What is run, and how it is made to fit here.
RUN: dict[str, Callable[[str, "Shop"], str]] = {
    r"curl .*": lambda text, shop: text.replace("localhost:8000", shop.address()).replace(
        "curl -s", "curl -s --fail-with-body"
    ),
    r"millstream (eval|importance) (?!all).*clicks\.toml.*": lambda text, _: text + EPOCHS,
    r"millstream snapshots .*": lambda text, shop: re.sub(r"\b4\d\b", shop.version(), text),
    # The letter of the message that the installation was given.
    r"millstream dead-letters .*": lambda text, _: text.replace(" 17", " 0"),
    r"millstream funnel.*": lambda text, _: text.replace("--seconds 10", "--seconds 1"),
    r"feast apply": lambda text, _: f"cd feature_repo && {text}",
    # 1 is a warning: there is no probe, and the test's data are young.
    r"millstream doctor.*": lambda text, _: f"{text}; [ $? -le 1 ]",
    r"millstream backtest events\.jsonl": lambda text, _: f"{text} --batch-every 60s",
    r"millstream backfill events\.jsonl .*": lambda text, _: f"{text} --buckets 2 --processes 1",
    r"millstream backtest --topics .*": lambda text, _: f"{text} --no-loop",
    r"millstream (init|check|plan|apply|models|offline|publish|topics|settings)\b.*": (
        lambda text, _: text
    ),
    r"(cd |awk |printf |python -c ).*": lambda text, _: text,
}
# Forked (see `tests.support.fork_server`), and not started by a shell: nothing here is the shell's,
# and nothing is of another domain.
FORKED = re.compile(
    r"millstream (backfill|backtest|dead-letters|eval|funnel|importance|models|offline|publish"
    r"|snapshots|topics)\b[^$&|;<>]*"
)
FOUND = [each for page in PAGES if page.name != "CONTRIBUTING.md" for each in shell_commands(page)]
# Each once, where it stands first.
COMMANDS = list({each.text: each for each in reversed(FOUND)}.values())[::-1]


class Shop:
    """A running installation, and the folder in which a person works."""

    def __init__(self, installation: Installation) -> None:
        self.installation, self.folder = installation, installation.folder / "work"
        self.folder.mkdir()
        self._done: dict[str, subprocess.CompletedProcess[str]] = {}

    def address(self) -> str:
        """Where the serving worker listens."""
        return f"127.0.0.1:{self.installation.settings.serving_port}"

    def run(self, text: str) -> "subprocess.CompletedProcess[str]":
        """The outcome of a command, which is run once however many pages have it."""
        if text not in self._done:
            self._done[text] = self._forked(text) if FORKED.fullmatch(text) else self._run(text)
        return self._done[text]

    def _forked(self, text: str) -> "subprocess.CompletedProcess[str]":
        arguments = shlex.split(text)[1:]
        return self.installation.command(*arguments, folder=self.folder, timeout_s=280)

    def _run(self, text: str) -> "subprocess.CompletedProcess[str]":
        own = {**self.installation.environment, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-c", text],
            cwd=self.folder,
            env={**os.environ, **own, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            timeout=280,
        )

    def version(self) -> str:
        """A snapshot that can be served."""
        return str(max(int(p.name[1:]) for p in self.installation.settings.snapshot_dir.glob("v*")))

    def write_files(self) -> None:
        """The files that the pages name."""
        shutil.copytree(
            ROOT / "feature_repo",
            self.folder / "feature_repo",
            ignore=shutil.ignore_patterns("data", "__pycache__"),
        )
        (self.folder / "events.jsonl").write_text("".join(events()))
        (self.folder / "ratings.csv").write_text(
            "user_id,item_id,stars,timestamp\n1,50,5,1600000000\n"
        )
        (self.folder / "films.csv").write_text(
            "item_id,title,categories\n50,Star Wars,Action|War\n"
        )
        (self.folder / "VALID").write_text("1 1:1\n0 2:1\n1 1:1\n0 2:1\n")
        self.write_clicks()

    def write_clicks(self) -> None:
        """The schema in docs/models.md, and rows for it."""
        (schema,) = [b for b in blocks(ROOT / "docs" / "models.md") if b.language == "toml"]
        (self.folder / "clicks.toml").write_text(schema.text)
        rows = range(400)
        table = {
            "user_id": [f"u{n % 7}" for n in rows],
            "item_id": [f"i{n % 11}" for n in rows],
            "recent": [[f"i{n % 5}", f"i{n % 3}"] for n in rows],
            "tags": [f"t{n % 4}|t{n % 2}" for n in rows],
            "price": [float(n % 13 + 1) for n in rows],
            "clicked": [int(n % 7 == n % 11 or n % 3 == 0) for n in rows],
            "at": [1.6e9 + n for n in rows],
        }
        pq.write_table(pa.table(table), self.folder / "clicks.parquet")


def events() -> Iterator[str]:
    """A catalogue, and what seven people did with it."""
    now_s = time.time()
    for item in range(1, 61):
        upsert = {"type": "item", "item_id": item, "title": f"Film {item}", "categories": ["a"]}
        yield json.dumps({**upsert, "event_time": now_s - 1_000}) + "\n"
    for number in range(1_500):
        kind = "like" if number % 3 else "dislike"
        did = {"type": "interaction", "user_id": number % 7, "item_id": number % 60 + 1}
        yield json.dumps({**did, "kind": kind, "event_time": now_s - 900 + number / 2}) + "\n"


@pytest.fixture(scope="module")
def shop(
    services: LocalServices,
    redis_databases: RedisDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shop]:
    folder, prefix = tmp_path_factory.mktemp("shop"), Installation.fresh_prefix("docs")
    chosen = {"snapshot_interval_s": 1.0, "request_budget_ms": 10_000, "batch_size": 64}
    url = redis_databases.empty_one()
    with Installation(services.bootstrap_servers, url, prefix, folder, **chosen) as own:
        own.forks = False
        own.create_topics()
        shop = Shop(own)
        shop.write_files()
        own.run("train")
        own.run("stream", ready=own.stream_listens, timeout_s=120)
        own.run("serve", ready=own.serving_listens, timeout_s=120)
        settings = own.settings
        kafka = settings.kafka_bootstrap_servers
        publish(kafka, settings.topic(INTERACTIONS), [(None, b'{"type": "interaction"')])
        done = shop.run("millstream publish events.jsonl")
        assert done.returncode == 0, done.stderr
        read(kafka, settings.topic(DEAD_LETTERS), 1, timeout_s=60)
        ready = f"http://{shop.address()}/readyz"
        eventually(lambda: httpx.get(ready).status_code == 200, "serving is ready", 180)
        yield shop


def entry(text: str) -> str:
    """The pattern of `RUN` or `NOT_RUN` that a command belongs to; there must be one alone."""
    found = [pattern for pattern in (*RUN, *NOT_RUN) if re.fullmatch(pattern, text, re.DOTALL)]
    assert len(found) == 1, f"{text!r}: run it, or list it with the reason. Received: {found}"
    return found[0]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: f"{each.page}:{each.line}")
def test_a_command_of_the_docs_works_or_is_listed(command: Command, request):
    pattern = entry(command.text)
    assert pattern is not None, command.text
    if pattern in NOT_RUN:
        return
    if command.text.startswith("curl") and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    shop: Shop = request.getfixturevalue("shop")
    done = shop.run(RUN[pattern](command.text, shop))
    assert done.returncode == 0, f"{command.text}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def test_nothing_is_listed_that_no_page_has():
    for pattern in NOT_RUN:
        assert any(re.fullmatch(pattern, each.text, re.DOTALL) for each in COMMANDS), pattern
