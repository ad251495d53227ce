"""The state of a new installation, written as a whole: until the last write nobody goes on from it.

A mark in Redis says that the state is under way. A stream worker that finds it does not begin, and
whoever seeds again begins anew. It goes with the transaction that says which offsets were reached.
"""

from collections.abc import Iterable, Iterator

from redis import Redis

from features.spec import ITEM_STATS, USER_STATS
from features.stores.redis_online import Layouts
from millstream.errors import ConfigurationError
from stream.outputs.effects import Effects
from stream.storage.schema import StateCommands
from stream.storage.store import StateStore

_AT_ONCE = 1_000
# What stands beside the state: who writes, and that it is under way.
_KEPT = ("lease", "epoch", "seeding")


class Seeding:
    """State of one installation in Redis.

    Args:
        redis: for looking at what is there, and clearing it.
        topic_prefix: of the installation.
        layouts: of its feature rows.
        store: under the lease; None where nothing is to be written.
    """

    def __init__(
        self, redis: Redis, topic_prefix: str, layouts: Layouts, store: StateStore | None
    ) -> None:
        self._redis, self._prefix, self._layouts, self._store = redis, topic_prefix, layouts, store
        self._commands = StateCommands(topic_prefix, layouts)

    def is_under_way(self) -> bool:
        """Return whether seeding was begun and did not come to its end."""
        return bool(self._redis.exists(self._commands.key("seeding")))

    def is_empty(self) -> bool:
        """Return whether no stream worker has left anything."""
        names = ("positions", "reached", "known", "dedupe")
        return not self._redis.exists(*(self._commands.key(name) for name in names))

    def check(self, *, force: bool) -> None:
        """See that `begin` would.

        Raises:
            ConfigurationError: the installation has worked, and `force` is False.
        """
        if not (force or self.is_under_way() or self.is_empty()):
            raise ConfigurationError(
                "The installation must be empty: Redis holds the state of a stream worker. "
                "--force replaces it."
            )

    def begin(self, *, force: bool) -> None:
        """Mark the state as under way, and clear what is there.

        Args:
            force: also of an installation that has worked.

        Raises:
            ConfigurationError: it has worked, and `force` is False.
        """
        self.check(force=force)
        self._redis.set(self._commands.key("seeding"), "1")
        self._clear()

    async def write(self, parts: Iterable[Effects]) -> None:
        """Write parts of the state."""
        assert self._store is not None
        self._store.begin_seeding()
        for effects in parts:
            await self._store.commit(effects)

    def _clear(self) -> None:
        kept = {self._commands.key(name).encode() for name in _KEPT}
        for view in (USER_STATS, ITEM_STATS):
            begins = self._commands.key(f"{view.entity}:")
            for some in self._found(f"{begins}*"):
                ids = [key.decode().removeprefix(begins) for key in some]
                self._redis.delete(*some, *(self._layouts.entity_key(view, each) for each in ids))
        for pattern in (f"{self._prefix}stream:*", f"{self._prefix}seen:*"):
            for some in self._found(pattern):
                if gone := [key for key in some if key not in kept]:
                    self._redis.delete(*gone)

    def _found(self, pattern: str) -> Iterator[list[bytes]]:
        """Keys by pattern, some at a time; what is deleted meanwhile is not missed."""
        gathered: list[bytes] = []
        for key in self._redis.scan_iter(match=_literal(pattern), count=_AT_ONCE):
            gathered.append(key)
            if len(gathered) == _AT_ONCE:
                yield gathered
                gathered = []
        if gathered:
            yield gathered


def _literal(pattern: str) -> str:
    """A prefix and `*`, of which the prefix is taken as it stands."""
    head = pattern.removesuffix("*")
    return "".join(f"\\{each}" if each in "*?[]\\^" else each for each in head) + "*"
