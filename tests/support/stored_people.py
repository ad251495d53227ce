"""Redis as `serving.people` uses it, in memory."""

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

    def pipeline(self, transaction: bool) -> "StoredPeople":
        """A pipeline."""
        return self

    async def __aenter__(self) -> "StoredPeople":
        self.asked: list[bytes | None] = []
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    def execute_command(self, name: bytes, *key: str) -> None:
        """Queue a GET or HGET."""
        self.asked.append(self.fields.get(key if name == b"HGET" else key[0]))

    async def execute(self) -> list[bytes | None]:
        """What was asked for."""
        return self.asked

    async def set(self, key: str, value: float, ex: int) -> None:
        """Keep a time."""
        self.fields[key] = repr(value).encode()
