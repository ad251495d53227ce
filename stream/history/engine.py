"""The passes over history in their order, on several processes; a killed run is gone on with."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec

from features.feature import Entity
from features.interner import CATEGORIES, ITEMS
from features.spec import VIEWS, spec_hash
from features.stores.parts import open_folder
from features.stores.schema import view_schema
from millstream.errors import ConfigurationError
from stream.history.item_stage import item_stage
from stream.history.outcome import Outcome
from stream.history.scan import Scanned, scan
from stream.history.user_stage import user_stage
from stream.history.work import Work, replace_file
from stream.ingest.records import EventRecord
from stream.state.memory import Rules

DEFAULT_BUCKETS = 64
_STAGES: dict[Entity, Callable[[Work, int], int]] = {"user": user_stage, "item": item_stage}
# (pass, how much of it is done, how much there is; 0 where that is not known)
OnProgress = Callable[[str, int, int], object]


def _unwatched(name: str, done: int, total: int) -> None:
    return


@dataclass
class Engine:
    """One run.

    Args:
        folder: of it, and of nothing else.
        rules: of the installation; event ids are remembered, and late events taken, as they say.
        source: what is read, in a form that tells whether it is the same again.
        logs: which log the offsets of a topic are of.
        buckets: into which users, and items, are divided; a process holds one of them.
        processes: that work at the same time.
        on_progress: told how far each pass is.
        before: the run whose end this one goes on from.
    """

    folder: Path
    rules: Rules
    source: str
    logs: Mapping[str, str] = field(default_factory=dict)
    buckets: int = DEFAULT_BUCKETS
    processes: int = 1
    on_progress: OnProgress = _unwatched
    before: Outcome | None = None

    def run(self, records: Callable[[], Iterable[EventRecord]]) -> Outcome:
        """Do what is left to be done.

        Args:
            records: opens the log; not called where it was read to its end before.

        Raises:
            ConfigurationError: the folder holds another run.
        """
        work = self._begun()
        scanned = self._scanned(work, records)
        for entity, stage in _STAGES.items():
            self._stage(work, entity, stage)
        for each in ("events", "touches"):
            shutil.rmtree(self.folder / each, ignore_errors=True)
        return Outcome(work, scanned)

    def _begun(self) -> Work:
        path = self.folder / "run.json"
        run: dict[str, Any] = {
            "source": self.source,
            "features": spec_hash(),
            "buckets": self.buckets,
            "horizon_s": self.rules.allowed_lateness_s,
            "window_s": self.rules.dedupe_window_s,
            "logs": dict(self.logs),
        }
        if path.exists():
            before = json.loads(path.read_text())
            created_at = before.pop("created_at")
            if before != run:
                differs = sorted(name for name in run if run[name] != before.get(name))
                raise ConfigurationError(
                    f"{self.folder} holds another run, which differs in {', '.join(differs)}: "
                    "expected a new folder, or the same log, features and settings."
                )
        else:
            if self.folder.exists() and any(self.folder.iterdir()):
                raise ConfigurationError(f"{self.folder} must be empty, or hold a run to go on.")
            created_at = time.time()
            replace_file(path, json.dumps({**run, "created_at": created_at}).encode())
        work = Work(
            self.folder,
            self.buckets,
            created_at,
            self.rules.allowed_lateness_s,
            self.logs,
            before=self.before.work.folder if self.before else None,
        )
        for view in VIEWS:
            open_folder(work.offline / view.name, view_schema(view))
        return work

    def _scanned(self, work: Work, records: Callable[[], Iterable[EventRecord]]) -> Scanned:
        path = self.folder / "scan.msgpack"
        if not path.exists():
            shutil.rmtree(self.folder / "events", ignore_errors=True)  # of a killed run
            told = self.before.scanned if self.before else None
            scan(
                records(), work, self.rules, lambda done: self.on_progress("events", done, 0), told
            )
        return msgspec.msgpack.decode(path.read_bytes(), type=Scanned)

    def _stage(self, work: Work, entity: Entity, stage: Callable[[Work, int], int]) -> None:
        left = [n for n in range(self.buckets) if not work.rest(entity, n).exists()]
        done = self.buckets - len(left)
        self.on_progress(f"{entity}s", done, self.buckets)
        for _ in self._worked(work, entity, stage, left):
            done += 1
            self.on_progress(f"{entity}s", done, self.buckets)

    def _worked(
        self, work: Work, entity: Entity, stage: Callable[[Work, int], int], left: list[int]
    ) -> Iterator[int]:
        """How many events each of the buckets `left` had, as they are done."""
        if self.processes == 1:
            yield from (stage(work, bucket) for bucket in left)
            return
        with ProcessPoolExecutor(self.processes, mp_context=get_context("spawn")) as executor:
            futures = [executor.submit(_forgetting, entity, work, bucket) for bucket in left]
            yield from (future.result() for future in as_completed(futures))


def _forgetting(entity: Entity, work: Work, bucket: int) -> int:
    """A bucket in a process of its own; the next one begins without its strings."""
    count = _STAGES[entity](work, bucket)
    ITEMS.clear()
    CATEGORIES.clear()
    return count
