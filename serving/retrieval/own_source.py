"""Sources of a project's own: a class in its folder, made with the catalogue."""

import logging
from pathlib import Path

import numpy as np

from millstream.clock import SystemClock
from millstream.own_code import load
from serving.catalogue.catalogue import Catalogue
from serving.limited_log import LimitedLog
from serving.retrieval.source import RetrievalRequest

_NONE = np.empty(0, np.int64)


class OwnSource:
    """A source that may fail, or give what it must not: then it brings nothing.

    Args:
        name: `module:Class`; the class is called with the catalogue, and `find` as that of
            `serving.retrieval.source.CandidateSource`.
        folder: of the project.

    Raises:
        ConfigurationError: there is no such class.
    """

    def __init__(self, name: str, folder: Path, catalogue: Catalogue) -> None:
        self.name = name
        self._source = load(name, folder)(catalogue)
        self._log = LimitedLog(logging.getLogger(__name__), SystemClock())

    def find(self, wanted: RetrievalRequest, count: int) -> np.ndarray:
        """What the project's source finds, as far as it may be shown."""
        try:
            rows = np.asarray(self._source.find(wanted, count), np.int64)
            if rows.ndim != 1 or len(np.unique(rows)) < len(rows):
                raise ValueError(f"rows, each once, shape (n,); received shape {rows.shape}")
        except Exception as error:  # it must not take the answer with it
            self._log.warn_of(self.name, f"Source {self.name} brings nothing: {error!r}")
            return _NONE
        rows = rows[(rows >= 0) & (rows < len(wanted.allowed))]
        return rows[wanted.allowed[rows]][:count]
