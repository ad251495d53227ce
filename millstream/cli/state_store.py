"""The stream's state for commands that write all of it: under the lease, while no worker runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from millstream.errors import StoreUnavailable

if TYPE_CHECKING:
    from millstream.settings import Settings
    from stream.storage.store import StateStore


@asynccontextmanager
async def state_store(
    chosen: "Settings", owner: str, within_s: float | None
) -> AsyncIterator["StateStore"]:
    """The store, under the lease, once no stream worker runs.

    Args:
        owner: who takes the lease.
        within_s: how long to wait for both; None is for ever.

    Raises:
        StoreUnavailable: they were not free in time.
    """
    from features.stores.redis_online import Layouts
    from millstream.redis_clients import async_redis_client
    from stream.storage.assigned_store import no_worker
    from stream.storage.leader_lease import Lease
    from stream.storage.schema import StateCommands
    from stream.storage.store import StateStore

    commands = StateCommands(chosen.topic_prefix, Layouts(chosen.feast_project))
    client = async_redis_client(chosen.redis_url)
    lease = Lease(client, commands.key("lease"), commands.key("epoch"), owner)
    try:
        try:
            async with asyncio.timeout(within_s):
                await no_worker(client, commands)
                await lease.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(
                "No stream worker may run meanwhile: one does, another command holds the lease, or"
                " Redis is away."
            ) from error
        store = StateStore(chosen.redis_url, commands, lease.epoch)
        keeping = asyncio.create_task(lease.keep())
        try:
            yield store
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await keeping
            store.close()
    finally:
        await lease.release()
        await client.aclose()
