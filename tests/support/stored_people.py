"""The online store as `serving.people` uses it, in memory."""

from typing import Any

import pyarrow as pa

from features.feature import View
from features.spec import USER_ATTRIBUTES
from features.stores.schema import EVENT_TIMESTAMP, online_schema
from serving.people import People
from serving.users import StoredUser


class StoredPeople:
    """Takes the place of Redis: attributes by user, and erasures."""

    def __init__(self, people: People) -> None:
        self.attributes: dict[str, tuple[float, dict[str, Any]]] = {}
        self.fields: dict[Any, bytes] = {}
        people._store = people._users = people._client = self  # type: ignore[assignment]

    async def read(self, asked: Any) -> Any:
        """A user, or the rows of views."""
        if isinstance(asked, str):
            return StoredUser.unknown(asked)
        return [self._rows(view, ids[0]) for view, ids in asked]

    def _rows(self, view: View, user: str) -> pa.Table:
        found = self.attributes.get(user) if view is USER_ATTRIBUTES else None
        at, values = found or (None, {})
        schema = online_schema(view)
        defaults = {field.name: None for field in schema}
        row = {**defaults, view.key: user, **values}
        row[EVENT_TIMESTAMP] = None if at is None else round(at * 1e6)
        return pa.table({n: pa.array([row[n]], schema.field(n).type) for n in schema.names})

    async def execute(self, commands: Any) -> list[bytes | None]:
        """The replies to GET, HGET and SET."""
        return [self._reply(*command) for command in commands]

    def _reply(self, name: str, *rest: Any) -> bytes | None:
        if name == "SET":
            self.fields[rest[0]] = repr(rest[1]).encode()
            return None
        return self.fields.get(rest if name == "HGET" else rest[0])
