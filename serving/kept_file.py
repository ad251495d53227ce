"""State that a worker learns by itself, in a file of the data folder: a restart forgets nothing."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

log = logging.getLogger(__name__)

_DAMAGED = OSError, KeyError, TypeError, ValueError, AttributeError, EOFError, BadZipFile


class KeptFile:
    """Reads a file once and writes it now and then.

    Workers that share a folder write the same file, whole: who starts goes on from what the last of
    them had learnt. A folder that cannot be written to costs nothing but that.

    Args:
        path: of the file.
        name: of what is kept, in log messages.
        revision: a number that grows as something is learnt.
        encode: the state as bytes; called in a thread of its own.
        restore: goes on from such bytes; raises as `json` and `numpy.load` do where they are none.
        every_s: seconds between two looks at the revision.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        revision: Callable[[], int],
        encode: Callable[[], bytes],
        restore: Callable[[bytes], None],
        every_s: float = 30.0,
    ) -> None:
        self._path, self._name, self._every_s = path, name, every_s
        self._revision, self._encode, self._restore = revision, encode, restore
        self._written = 0
        self._is_told = False

    def read(self) -> None:
        """Go on from the file; begin anew where there is none or it is damaged."""
        try:
            self._restore(self._path.read_bytes())
        except FileNotFoundError:
            return
        except _DAMAGED as error:
            log.warning("%s: learnt anew, as %s is damaged: %s", self._name, self._path, error)
            return
        self._written = self._revision()

    def write(self) -> None:
        """Write the file, if anything was learnt since."""
        revision = self._revision()
        if revision == self._written:
            return
        own = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            own.write_bytes(self._encode())
            own.replace(self._path)
        except OSError as error:
            if not self._is_told:
                log.warning("%s: what is learnt is not kept: %s", self._name, error)
            self._is_told = True
            return
        self._written, self._is_told = revision, False

    async def run(self) -> None:
        """Write until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(self._every_s)
                await asyncio.to_thread(self.write)
        finally:
            self.write()
