"""Checkpoints of a run: a killed one goes on where the last was made."""

import os
import pickle
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from millstream.errors import ConfigurationError

T = TypeVar("T")

EVERY_S = 60.0
_STATE, _SNAPSHOTS, _OLD, _NEW = "state", "snapshots", "old", "new"


class Checkpoints:
    """The newest checkpoint of one run, and the snapshots that its models were read from.

    A checkpoint is a folder that takes its name when it is whole; the one before stays until then.
    Snapshots are linked, not copied.

    Args:
        folder: of the run, and of nothing else.
        run: what makes it the same run: log, settings, questions, seed.
        every_s: between two, in the machine's time, which decides nothing else.
        now: a clock of seconds that never goes back.
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        every_s: float = EVERY_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.work = folder / "work"
        self._folder, self._run, self._every_s, self._now = folder / "checkpoint", run, every_s, now
        self._made_s = now()

    def begin(self, goes_on: bool) -> bool:
        """Make the working folder ready; True if there is a checkpoint to go on from.

        Raises:
            ConfigurationError: the checkpoint is of another run.
        """
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        old = self._folder.with_suffix(f".{_OLD}")
        if not self._folder.exists() and old.exists():  # killed between two renames
            old.rename(self._folder)
        if not goes_on or not self._folder.exists():
            self.remove(work=False)
            return False
        with (self._folder / _STATE).open("rb") as file:
            run = pickle.load(file)
        if run != self._run:
            raise ConfigurationError(
                "--resume goes on with the same log, settings and options: these are others. "
                "Without it the run begins anew."
            )
        if (self._folder / _SNAPSHOTS).exists():
            _link(self._folder / _SNAPSHOTS, self.work / _SNAPSHOTS)
        return True

    def is_due(self) -> bool:
        """True if the last one is old enough."""
        return self._now() - self._made_s >= self._every_s

    def save(self, write: Callable[[IO[bytes]], None]) -> None:
        """Keep what `write` writes, and the snapshots as they are now."""
        new, old = (self._folder.with_suffix(f".{name}") for name in (_NEW, _OLD))
        for each in (new, old):
            shutil.rmtree(each, ignore_errors=True)
        new.mkdir(parents=True)
        with (new / _STATE).open("wb") as file:
            pickle.dump(self._run, file)
            write(file)
        if (self.work / _SNAPSHOTS).exists():
            _link(self.work / _SNAPSHOTS, new / _SNAPSHOTS)
        if self._folder.exists():
            self._folder.rename(old)
        new.rename(self._folder)
        shutil.rmtree(old, ignore_errors=True)
        self._made_s = self._now()

    def read(self, read: Callable[[IO[bytes]], T]) -> T:
        """What `read` makes of the newest checkpoint."""
        with (self._folder / _STATE).open("rb") as file:
            pickle.load(file)
            return read(file)

    def remove(self, work: bool = True) -> None:
        """Remove the checkpoint, and the whole folder unless `work` is False."""
        for each in (self._folder, *(self._folder.with_suffix(f".{n}") for n in (_OLD, _NEW))):
            shutil.rmtree(each, ignore_errors=True)
        if work:
            shutil.rmtree(self.work.parent, ignore_errors=True)


def _link(source: Path, to: Path) -> None:
    shutil.copytree(source, to, symlinks=True, copy_function=os.link)
