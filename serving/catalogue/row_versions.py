"""The version of the upsert that each row was last made of."""

from collections.abc import Iterable

import numpy as np

from features.upserts import UpsertVersion
from serving.catalogue.growable_array import GrowableArray


class RowVersions:
    """Versions by row, without an object for each."""

    def __init__(self) -> None:
        self._times = GrowableArray(np.float64(0.0))
        self._ids: list[str | None] = []

    def put(self, rows: np.ndarray, versions: Iterable[UpsertVersion]) -> None:
        """Set the version of each of `rows`."""
        self._ids += [None] * (int(rows.max(initial=-1)) + 1 - len(self._ids))
        versions = list(versions)
        self._times.put(rows, [version.event_time for version in versions])
        for row, version in zip(rows.tolist(), versions, strict=True):
            self._ids[row] = version.event_id

    def of(self, row: int) -> UpsertVersion | None:
        """The version of a row; None where no upsert made it."""
        event_id = self._ids[row] if row < len(self._ids) else None
        if event_id is None:
            return None
        return UpsertVersion(float(self._times.take(np.array([row]))[0]), event_id)

    def clear(self, row: int) -> None:
        """Forget the version of a row."""
        if row < len(self._ids):
            self._ids[row] = None
