"""The state of a fusion, kept in a file of the data folder: a restart forgets nothing."""

import asyncio
import json
import logging
import os
from pathlib import Path

from serving.fusion.fusion import Fusion

log = logging.getLogger(__name__)

FILE_NAME = "fusion.json"
_EVERY_S = 30.0


class KeptFusion:
    """Reads the file once and writes it now and then.

    Workers that share a folder write the same file, whole: who starts goes on from what the last of
    them had learnt. A folder that cannot be written to costs nothing but that.

    Args:
        data_dir: of the installation.
    """

    def __init__(self, fusion: Fusion, data_dir: Path) -> None:
        self._fusion, self._path = fusion, data_dir / FILE_NAME
        self._written = 0
        self._is_told = False

    def read(self) -> None:
        """Go on from the file; begin anew where there is none or it is damaged."""
        try:
            self._fusion.restore(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("The order of lists is learnt anew: %s is damaged: %s", self._path, error)
            return
        self._written = self._fusion.model.questions

    def write(self) -> None:
        """Write the file, if anything was learnt since."""
        questions = self._fusion.model.questions
        if questions == self._written:
            return
        own = self._path.with_name(f".{FILE_NAME}.{os.getpid()}")
        try:
            own.write_text(json.dumps(self._fusion.state()))
            own.replace(self._path)
        except OSError as error:
            if not self._is_told:
                log.warning("What is learnt of the order of lists is not kept: %s", error)
            self._is_told = True
            return
        self._written, self._is_told = questions, False

    async def run(self) -> None:
        """Write until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(_EVERY_S)
                await asyncio.to_thread(self.write)
        finally:
            self.write()
