"""One stream worker writes at a time: a lease in Redis, and a fence that holds when it fails.

Item state is shared by all partitions, so two workers at once would overwrite each other's. Whoever
holds the lease works; others wait, as hot standbys. Taking the lease raises an epoch. Every write
is a transaction that WATCHes the epoch, so that a worker that lost its lease without noticing (it
hung, the network was away) cannot write any more.
"""

import asyncio
import logging
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from millstream.errors import MillstreamError

log = logging.getLogger(__name__)

TTL_S = 6.0
RENEW_S = 1.0
RETRY_S = 0.25

# KEYS: lease, epoch. ARGV: owner, milliseconds to live.
_TAKE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return redis.call('INCR', KEYS[2])
end
return 0
"""
# KEYS: lease, epoch. ARGV: owner, milliseconds to live, our epoch. A lease that expired, and that
# nobody took in the meantime, is ours still.
_RENEW = """
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class LeaseLost(MillstreamError):
    """Another stream worker has taken over, or Redis has lost its data."""


class Lease:
    """The right to write.

    Args:
        lease_key, epoch_key: in Redis.
        owner: the name of this worker, unique.
    """

    def __init__(self, client: Redis, lease_key: str, epoch_key: str, owner: str) -> None:
        self._owner = owner
        self._keys = (lease_key, epoch_key)
        self._take = client.register_script(_TAKE)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)
        self.epoch = 0

    async def acquire(self) -> int:
        """Wait until nobody holds the lease, and take it; the new epoch."""
        waited = False
        while not self.epoch:
            try:
                taken = await self._take(self._keys, [self._owner, int(TTL_S * 1000)])
                self.epoch = cast(int, taken)
            except RedisError as error:
                log.warning("Waiting for Redis: %s", error)
            if not self.epoch:
                if not waited:
                    log.info("Standing by: another stream worker is active.")
                waited = True
                await asyncio.sleep(RETRY_S)
        return self.epoch

    async def keep(self) -> None:
        """Renew the lease for ever; while Redis is away, try again.

        Raises:
            LeaseLost: another worker has it.
        """
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                renewed = await self._renew(
                    self._keys, [self._owner, int(TTL_S * 1000), self.epoch]
                )
            except RedisError as error:
                log.warning("Lease not renewed: %s", error)
                continue
            if not renewed:
                raise LeaseLost("Another stream worker has taken over, or Redis lost its data.")

    async def release(self) -> None:
        """Let a standby take over at once."""
        try:
            await self._release(self._keys, [self._owner])
        except RedisError as error:
            log.warning("Lease not released, it expires in %g s: %s", TTL_S, error)
