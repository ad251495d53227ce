"""Compiled networks from another process: whoever serves needs neither Keras nor TensorFlow.

    DIR/<key>.request   role, configuration and inputs of a network that somebody wants
    DIR/<key>.program   the network, or nothing where it runs in TensorFlow alone

The key is a digest of the request and of the code that builds it, so that a file that is there is
the answer also after a restart. Both are pickled: whoever can write the folder is trusted.
"""

import hashlib
import json
import logging
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import models
from millstream import __version__
from millstream.errors import ConfigurationError, SnapshotError
from millstream.snapshots.signature import Signatures
from serving.model.program import Program
from serving.model.programs import Config, KerasBuilder, ProgramBuilder, Towers

log = logging.getLogger(__name__)

LOOKS_EVERY_S = 0.1
# The other process may have to load TensorFlow first, on a slow machine.
PATIENCE_S = 120.0

T = TypeVar("T", Program, Towers)


class FromFiles:
    """`ProgramBuilder` that asks another process; what is not portable is built here.

    Args:
        folder: of the files.
        patience_s: how long to wait for an answer, seconds.
    """

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        self._folder, self._patience_s = folder, patience_s
        self._own = KerasBuilder()

    def ranker(self, config: Config, inputs: Signatures) -> Program:
        """See `ProgramBuilder.ranker`.

        Raises:
            SnapshotError: nobody answers.
        """
        return self._found("ranker", config, inputs, self._own.ranker)

    def retriever(self, config: Config, inputs: Signatures) -> Towers:
        """See `ProgramBuilder.retriever`.

        Raises:
            SnapshotError: nobody answers.
        """
        return self._found("retriever", config, inputs, self._own.retriever)

    def _found(
        self,
        role: str,
        config: Config,
        inputs: Signatures,
        build: Callable[[Config, Signatures], T],
    ) -> T:
        request = pickle.dumps((role, json.dumps(config, sort_keys=True), tuple(inputs)))
        key = hashlib.blake2b(request + _code(), digest_size=16).hexdigest()
        answer = self._folder / f"{key}.program"
        if not answer.exists():
            write(self._folder / f"{key}.request", request)
        until = time.monotonic() + self._patience_s
        while not answer.exists():
            if time.monotonic() >= until:
                raise SnapshotError(
                    f"No process has built the {role} {config['name']!r} within"
                    f" {self._patience_s:g} s."
                )
            time.sleep(LOOKS_EVERY_S)
        found: T | None = pickle.loads(answer.read_bytes())
        if found is None:
            log.warning("The %s %s needs TensorFlow here, too.", role, config["name"])
            return build(config, inputs)
        return found


def answer_requests(folder: Path, builder: ProgramBuilder | None = None) -> int:
    """Build every network that is asked for and not there yet; how many."""
    builder, built = builder or KerasBuilder(), 0
    for request in sorted(folder.glob("*.request")):
        answer = request.with_suffix(".program")
        if answer.exists():
            request.unlink()
            continue
        write(answer, pickle.dumps(_built(builder, *pickle.loads(request.read_bytes()))))
        request.unlink()
        built += 1
    return built


def _built(
    builder: ProgramBuilder, role: str, config: str, inputs: Signatures
) -> Program | Towers | None:
    """The network if it is portable; one that cannot be built is refused where it is asked for."""
    build = builder.ranker if role == "ranker" else builder.retriever
    try:
        found: Program | Towers = build(json.loads(config), inputs)
    except ConfigurationError as error:
        log.warning("A %s cannot be built: %s", role, error)
        return None
    return found if found.is_portable else None


def write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


def _code() -> bytes:
    """What tells the code that builds networks: its version, and when it was changed last."""
    folders: list[Any] = [Path(models.__file__).parent, Path(__file__).parent]
    times = [path.stat().st_mtime_ns for each in folders for path in each.rglob("*.py")]
    return f"{__version__} {len(times)} {max(times)}".encode()
