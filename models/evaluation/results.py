"""Finished runs as JSON lines: one line a run, appended, never changed.

A run is known by its key, which holds everything that decides its result: one that is there need
not be made again. A line that a crash cut short is not a run.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from millstream.errors import DatasetError

FILE = "runs.jsonl"


class Result(msgspec.Struct, frozen=True):
    """Result of one run.

    Args:
        key: everything that decides it.
        metrics: by name; None where the rows do not define one.
        epochs: passes over the training rows.
        train_s: seconds of training alone.
        examples_per_s: rows learnt in a second of it.
        curve: in time order, `[rows scored so far, AUC over all of them]`.
    """

    key: dict[str, Any]
    metrics: dict[str, float | None]
    epochs: int
    train_s: float
    examples_per_s: float
    curve: list[tuple[int, float]] = []

    @property
    def model(self) -> str:
        return str(self.key["model"])


class Results:
    """The file of results in `folder`.

    Raises:
        DatasetError: a line in the middle of the file is not a result.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self._found = {canonical(result.key): result for result in self._read()}

    def find(self, key: dict[str, Any]) -> Result | None:
        """The run of that key, if it was finished."""
        return self._found.get(canonical(key))

    def add(self, result: Result) -> None:
        """Keep a finished run."""
        with self.path.open("a+b") as file:
            if file.tell() and not _ends_a_line(file.fileno()):
                file.write(b"\n")
            file.write(msgspec.json.encode(result) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._found[canonical(result.key)] = result

    def _read(self) -> Iterator[Result]:
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        for line in lines:
            try:
                yield msgspec.json.decode(line, type=Result)
            except msgspec.ValidationError as error:
                raise DatasetError(f"{self.path} holds a line of another kind: {error}") from error
            except msgspec.DecodeError:
                continue  # cut short by a crash


def canonical(key: dict[str, Any]) -> str:
    """One text for equal keys, whatever the order of their parts; a tuple is a list."""
    return json.dumps(key, sort_keys=True)


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, 1, size - 1) == b"\n"
