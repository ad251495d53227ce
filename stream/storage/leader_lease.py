"""A lease in Redis for commands that write the whole state, and a fence that holds when it fails.

While one holds the lease, no stream worker takes a shard (`assigned_store.py`), and what one had it
has lost. Taking the lease begins an epoch, which has a name that no two takers ever share, also
when Redis has forgotten all earlier ones: the taker's own name and 128 random bits. Every write, a
command's or a worker's, is a transaction that WATCHes this epoch.
"""

import asyncio
import logging
import uuid

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from millstream.errors import MillstreamError, StoreUnavailable

log = logging.getLogger(__name__)

TTL_S = 6.0
RENEW_S = 1.0
RETRY_S = 0.25

# KEYS: lease, epoch. ARGV: owner, milliseconds to live, the new epoch.
_TAKE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  redis.call('SET', KEYS[2], ARGV[3])
  return 1
end
return 0
"""
# KEYS: lease, epoch. ARGV: owner, milliseconds to live, our epoch. A lease that expired, and that
# nobody took in the meantime, is ours still.
_RENEW = """
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""
# What waiting does not mend.
REFUSALS = (AuthenticationError, NoPermissionError)


class LeaseLost(MillstreamError):
    """Another one writes what this one wrote, or Redis has lost what this one committed."""


class Lease:
    """The right to write.

    Args:
        lease_key, epoch_key: in Redis.
        owner: the name of this process, unique.

    Attributes:
        epoch: its name, once the lease is taken; "" before.
    """

    def __init__(self, client: Redis, lease_key: str, epoch_key: str, owner: str) -> None:
        self._owner = owner
        self._keys = (lease_key, epoch_key)
        self._take = client.register_script(_TAKE)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)
        self.epoch = ""

    async def acquire(self) -> str:
        """Wait until nobody holds the lease, and take it; the new epoch.

        Raises:
            StoreUnavailable: Redis refuses the user or the password.
        """
        waited = False
        while not await self._taken():
            if not waited:
                log.info("Standing by: another command holds the lease, or Redis is away.")
            waited = True
            await asyncio.sleep(RETRY_S)
        return self.epoch

    async def _taken(self) -> bool:
        epoch = f"{self._owner}/{uuid.uuid4().hex}"
        try:
            if await self._take(self._keys, [self._owner, int(TTL_S * 1000), epoch]):
                self.epoch = epoch
        except REFUSALS as error:
            raise refused(error) from error
        except RedisError as error:
            log.warning("Waiting for Redis: %s", error)
        return bool(self.epoch)

    async def keep(self) -> None:
        """Renew the lease for ever; while Redis is away, try again.

        Raises:
            LeaseLost: another process has it.
            StoreUnavailable: Redis refuses the user or the password.
        """
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                renewed = await self._renew(
                    self._keys, [self._owner, int(TTL_S * 1000), self.epoch]
                )
            except REFUSALS as error:
                raise refused(error) from error
            except RedisError as error:
                log.warning("Lease not renewed: %s", error)
                continue
            if not renewed:
                raise LeaseLost("Another command has taken over, or Redis lost its data.")

    async def release(self) -> None:
        """Let the next one take it at once."""
        try:
            await self._release(self._keys, [self._owner])
        except RedisError as error:
            log.warning("Lease not released, it expires in %g s: %s", TTL_S, error)


def refused(error: RedisError) -> StoreUnavailable:
    """The error for what waiting does not mend."""
    return StoreUnavailable(f"Redis refuses what REDIS_URL says: {error}")
