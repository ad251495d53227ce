"""The online store on Redis, in Feast's layout: Feast reads what is written here, and is read."""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby, islice
from typing import Any

import pyarrow as pa
from redis import Redis, RedisError

from features.feature import View
from features.spec import VIEWS
from features.stores.commands import CommandClient
from features.stores.feast_redis import Command, Reply, ViewLayout
from features.stores.online import Ids, Request
from features.stores.resp import Packed
from millstream.errors import StoreUnavailable


class Layouts:
    """The layouts of all views in one project; see `ViewLayout` for the arguments."""

    def __init__(self, project: str, key_ttl_s: int | None = None) -> None:
        self._by_name = {view.name: ViewLayout(view, project, key_ttl_s) for view in VIEWS}

    def write_commands(self, view: View, rows: pa.Table) -> Iterator[Command]:
        """Commands that store `rows`, one after the other."""
        return self._by_name[view.name].write_commands(rows)

    def packed_writes(self, view: View, rows: pa.Table) -> list[Packed]:
        """The same as bytes: for a transaction of one's own."""
        return self._by_name[view.name].packed_writes(rows)

    def entity_key(self, view: View, entity_id: str) -> bytes:
        """The key of an entity: that of its rows in all views."""
        return self._by_name[view.name].key(entity_id)

    def read_commands(self, requests: Sequence[Request]) -> Iterator[Command]:
        """One `HMGET` per entity; neighbouring requests for the same entities share it."""
        for layouts, ids in self._shared(requests):
            fields = tuple(chain.from_iterable(layout.read_fields for layout in layouts))
            for entity_id in ids:
                yield (b"HMGET", layouts[0].key(entity_id), *fields)

    def tables(
        self, requests: Sequence[Request], replies: Sequence[Reply], at_s: float | None
    ) -> list[pa.Table]:
        """The replies to `read_commands` as one table for each request."""
        tables, rest = [], iter(replies)
        for layouts, ids in self._shared(requests):
            whole = list(islice(rest, len(ids)))
            for layout, part in _parts(layouts):
                tables.append(layout.table(ids, [reply[part] for reply in whole], at_s))
        return tables

    def entity_command(self, views: Sequence[View], entity_id: str) -> Command:
        """Asks for the rows of one entity in `views`: for a pipeline of one's own."""
        (command,) = self.read_commands([(view, [entity_id]) for view in views])
        return command

    def entity_row(self, views: Sequence[View], reply: Reply) -> dict[str, Any]:
        """The reply to `entity_command` by feature; what has no row is left out."""
        row: dict[str, Any] = {}
        for layout, part in _parts([self._by_name[view.name] for view in views]):
            row |= layout.row(reply[part])
        return row

    def _shared(self, requests: Sequence[Request]) -> Iterator[tuple[list[ViewLayout], Ids]]:
        """Neighbours among `requests` that ask for views of the same entities, in their order."""
        for (_, ids), group in groupby(requests, lambda request: (request[0].entity, request[1])):
            yield [self._by_name[view.name] for view, _ in group], ids


def _parts(layouts: Sequence[ViewLayout]) -> Iterator[tuple[ViewLayout, slice]]:
    """Which part of a reply about one entity is each view's."""
    start = 0
    for layout in layouts:
        stop = start + len(layout.read_fields)
        yield layout, slice(start, stop)
        start = stop


class RedisOnlineStore:
    """`OnlineStore` on Redis.

    Args:
        client: must not decode responses.
        project: of the Feast repository.
        key_ttl_s: an entity that is not written for so long is forgotten; None keeps it.
    """

    def __init__(self, client: Redis, project: str, key_ttl_s: int | None = None) -> None:
        self._client = client
        self._layouts = Layouts(project, key_ttl_s)

    def write(self, view: View, rows: pa.Table) -> None:
        """Store rows of `view`, in one round trip."""
        self._execute(self._layouts.write_commands(view, rows))

    def read(self, requests: Sequence[Request], at_s: float | None = None) -> list[pa.Table]:
        """Rows for each (view, ids), in one round trip."""
        replies = self._execute(self._layouts.read_commands(requests))
        return self._layouts.tables(requests, replies, at_s)

    def _execute(self, commands: Iterator[Command]) -> list[Reply]:
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return pipe.execute()
        except RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error


class AsyncRedisOnlineStore:
    """`AsyncOnlineStore` in Redis' words; for the arguments see `RedisOnlineStore`."""

    def __init__(self, client: CommandClient, project: str, key_ttl_s: int | None = None) -> None:
        self._client = client
        self._layouts = Layouts(project, key_ttl_s)

    async def write(self, view: View, rows: pa.Table) -> None:
        """Store rows of `view`, in one round trip."""
        await self._client.execute(list(self._layouts.write_commands(view, rows)))

    async def read(self, requests: Sequence[Request], at_s: float | None = None) -> list[pa.Table]:
        """Rows for each (view, ids), in one round trip."""
        replies = await self._client.execute(list(self._layouts.read_commands(requests)))
        return self._layouts.tables(requests, replies, at_s)
