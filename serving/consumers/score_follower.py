"""The score formula in force: that of the domain applied last, read anew when it is applied again.

`millstream apply` records the domain file in the data folder. What it says of the score holds in
every serving worker some seconds later, and after a restart; all else of it holds after one.
"""

import asyncio
import logging
from pathlib import Path

from millstream.domain import Domain
from millstream.domain.applied import RECORD_NAME, applied_in
from millstream.errors import ConfigurationError
from serving.recommend.objectives import Objectives

log = logging.getLogger(__name__)

LOOKS_EVERY_S = 2.0


class ScoreFollower:
    """Follows the record of what was applied.

    Args:
        data_dir: of the installation.
        objectives: take the formulas.
        own: the domain of this process; what was applied of another one counts for nothing.
    """

    def __init__(self, data_dir: Path, objectives: Objectives, own: Domain) -> None:
        self._data_dir, self._objectives, self._own = data_dir, objectives, own
        self._looked_at: tuple[int, int] | None = None  # time and size of the record

    def look(self) -> None:
        """Take over what was applied since the last look."""
        stamp = self._stamp()
        if stamp in (None, self._looked_at):
            return
        self._looked_at = stamp
        try:
            applied = applied_in(self._data_dir)
        except ConfigurationError as error:
            log.warning("The score stays as it is: %s", error)
            return
        if applied is None or applied.domain.name != self._own.name:
            return
        before = self._objectives.versions
        if wrong := self._objectives.take(applied.domain):
            log.warning("The score stays as it is until a restart: %s.", "; ".join(wrong))
        elif self._objectives.versions != before:
            log.info("Lists are ranked by what was applied: %s", self._objectives.versions)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOKS_EVERY_S)
            self.look()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = (self._data_dir / RECORD_NAME).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size
