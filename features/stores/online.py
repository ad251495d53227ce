"""The online store: the newest row of every entity, by id.

One contract suite (`tests/contracts/test_feature_store_contract.py`) holds every implementation:
what was written last is read; rows come back in the order of the ids, one for each, also for an id
that is asked for twice; a missing row has a null `event_timestamp` and the features' defaults.
"""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from features.feature import View

Ids = Sequence[str]
Request = tuple[View, Ids]


class OnlineStore(Protocol):
    """For synchronous code."""

    def write(self, view: View, rows: pa.Table) -> None:
        """Store rows of `view` (`online_schema`; other columns are ignored); the last one wins.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        ...

    def read(self, requests: Sequence[Request], at_s: float | None = None) -> list[pa.Table]:
        """Rows of `online_schema` for each (view, ids), in one round trip.

        Args:
            at_s: Unix seconds; rows older than their view's ttl at that time count as missing.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        ...


class AsyncOnlineStore(Protocol):
    """The same for asyncio."""

    async def write(self, view: View, rows: pa.Table) -> None:
        """See `OnlineStore.write`."""
        ...

    async def read(self, requests: Sequence[Request], at_s: float | None = None) -> list[pa.Table]:
        """See `OnlineStore.read`."""
        ...
