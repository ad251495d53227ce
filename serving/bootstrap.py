"""Warm start: load item counters from the online store."""

import asyncio
import logging

import pyarrow.compute as pc

from features.spec import ITEM_STATS
from features.stores.online import AsyncOnlineStore
from features.stores.schema import EVENT_TIMESTAMP
from millstream.clock import Clock
from millstream.errors import StoreUnavailable
from serving.catalogue.catalogue import Catalogue
from serving.limited_log import LimitedLog

_CHUNK = 500
_RETRY_S = 2.0


class Bootstrap:
    """Reads `item_stats` of every item in the catalogue, once, until it has succeeded.

    What topic `features` brings later overtakes it: it is at least as new.
    """

    def __init__(self, store: AsyncOnlineStore, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._catalogue = catalogue
        self._log = LimitedLog(logging.getLogger(__name__), clock)
        self.done = asyncio.Event()

    async def run(self, after: asyncio.Event) -> None:
        """Wait for `after` (the catalogue is there), then read."""
        await after.wait()
        while not self.done.is_set():
            try:
                await self._read(self._catalogue.item_ids())
                self.done.set()
            except StoreUnavailable as error:
                self._log.warn_of("store", f"Item counters cannot be read: {error}")
                await asyncio.sleep(_RETRY_S)

    async def _read(self, item_ids: list[str]) -> None:
        for start in range(0, len(item_ids), _CHUNK):
            chunk = item_ids[start : start + _CHUNK]
            (rows,) = await self._store.read([(ITEM_STATS, chunk)])
            self._catalogue.put(rows.filter(pc.is_valid(rows[EVENT_TIMESTAMP])))
