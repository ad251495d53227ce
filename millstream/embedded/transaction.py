"""Commands of Redis, by their names, within one transaction of SQLite: see `store.py`.

They are those that Millstream uses, with the arguments that it gives them; others are refused.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from millstream.errors import StoreUnavailable

Argument = bytes | str | int | float
Reply = Any

# The first two have keys that may be over.
TABLES = ("strings", "hashes", "fields", "appended", "lists", "members")
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(dict[bytes, bytes]).decode


class Transaction:
    """Commands by their names, within one transaction.

    Args:
        connection: in the transaction.
        by_field: see `EmbeddedStore`.
        now_s: Unix seconds.
    """

    def __init__(self, connection: sqlite3.Connection, by_field: bytes, now_s: float) -> None:
        self._do, self._many = connection.execute, connection.executemany
        self._by_field, self._now_s = by_field, now_s
        self._commands: dict[bytes, Callable[..., Reply]] = {
            b"GET": self._get,
            b"MGET": lambda *keys: [self._get(key) for key in keys],
            b"SET": self._set,
            b"APPEND": lambda key, value: self._push("appended", key, value),
            b"BITFIELD": self._set_bits,
            b"DEL": self._delete,
            b"EXISTS": lambda *keys: sum(map(self._exists, keys)),
            b"EXPIRE": self._expire,
            b"HSET": self._hash_set,
            b"HGET": lambda key, field: self._hash_get(key, field)[0],
            b"HMGET": self._hash_get,
            b"HGETALL": lambda key: [part for pair in self._hash(key).items() for part in pair],
            b"HDEL": self._hash_delete,
            b"RPUSH": lambda key, *values: self._push("lists", key, *values),
            b"LRANGE": self._list,
            b"LTRIM": self._trim,
            b"SADD": self._add,
            b"SREM": self._remove,
            b"SMEMBERS": self._members,
        }

    def __call__(self, name: Argument, *arguments: Argument) -> Reply:
        """The reply to one command.

        Raises:
            StoreUnavailable: there is no such command here.
        """
        command = self._commands.get(_bytes(name).upper())
        if command is None:
            raise StoreUnavailable(f"The embedded store has no command {name!r}.")
        return command(*map(_bytes, arguments))

    # Strings.

    def _get(self, key: bytes) -> bytes | None:
        found = self._one("strings", key)
        if found is None:
            pieces = self._numbered("appended", key)
            return b"".join(pieces) if pieces else None
        return found

    def _one(self, table: str, key: bytes) -> bytes | None:
        statement = f"SELECT value FROM {table} WHERE key = ? AND (until IS NULL OR until > ?)"
        found = self._do(statement, (key, self._now_s)).fetchone()
        return None if found is None else found[0]

    def _set(self, key: bytes, value: bytes, kind: bytes = b"", ttl_s: bytes = b"") -> bytes:
        if kind not in (b"", b"EX"):
            raise StoreUnavailable(f"The embedded store has no SET with {kind!r}.")
        until = self._now_s + float(ttl_s) if kind else None
        self._do("INSERT OR REPLACE INTO strings VALUES (?, ?, ?)", (key, value, until))
        return b"OK"

    def _set_bits(self, key: bytes, *operations: bytes) -> list[int]:
        """`SET u1 <bit> 1`, again and again."""
        if set(operations[::4]) != {b"SET"} or set(operations[1::4]) != {b"u1"}:
            raise StoreUnavailable("The embedded store has no BITFIELD but SET u1.")
        bits, before = bytearray(self._get(key) or b""), []
        for place, value in zip(map(int, operations[2::4]), operations[3::4], strict=True):
            byte, mask = place >> 3, 0x80 >> (place & 7)
            bits.extend(bytes(max(byte + 1 - len(bits), 0)))
            before.append(int(bool(bits[byte] & mask)))
            bits[byte] = bits[byte] | mask if int(value) else bits[byte] & ~mask
        self._do(
            "INSERT INTO strings VALUES (?, ?, NULL)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, bytes(bits)),
        )
        return before

    # Keys of any kind.

    def _delete(self, *keys: bytes) -> int:
        there = sum(map(self._exists, keys))
        for table in TABLES:
            self._many(f"DELETE FROM {table} WHERE key = ?", ((key,) for key in keys))
        return there

    def _exists(self, key: bytes) -> bool:
        if any(self._one(table, key) is not None for table in TABLES[:2]):
            return True
        looks = (f"SELECT 1 FROM {table} WHERE key = ? LIMIT 1" for table in TABLES[2:])
        return any(self._do(look, (key,)).fetchone() for look in looks)

    def _expire(self, key: bytes, ttl_s: bytes) -> int:
        until = (self._now_s + float(ttl_s), key)
        changed = [
            self._do(f"UPDATE {table} SET until = ? WHERE key = ?", until).rowcount
            for table in TABLES[:2]
        ]
        return int(any(changed))

    # Hashes.

    def _hash(self, key: bytes) -> dict[bytes, bytes]:
        if key.startswith(self._by_field):
            return dict(self._do("SELECT field, value FROM fields WHERE key = ?", (key,)))
        packed = self._one("hashes", key)
        return {} if packed is None else _UNPACK(packed)

    def _hash_set(self, key: bytes, *pairs: bytes) -> int:
        given = dict(zip(pairs[::2], pairs[1::2], strict=True))
        if key.startswith(self._by_field):
            rows = ((key, field, value) for field, value in given.items())
            self._many("INSERT OR REPLACE INTO fields VALUES (?, ?, ?)", rows)
            return len(given)
        before = self._hash(key)
        self._do(
            "INSERT INTO hashes VALUES (?, ?, NULL)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, _PACK({**before, **given})),
        )
        return len(given.keys() - before.keys())

    def _hash_get(self, key: bytes, *fields: bytes) -> list[bytes | None]:
        if not key.startswith(self._by_field):
            found = self._hash(key)
            return [found.get(field) for field in fields]
        look = "SELECT value FROM fields WHERE key = ? AND field = ?"
        rows = (self._do(look, (key, field)).fetchone() for field in fields)
        return [None if row is None else row[0] for row in rows]

    def _hash_delete(self, key: bytes, *fields: bytes) -> int:
        rows = ((key, field) for field in fields)
        return int(self._many("DELETE FROM fields WHERE key = ? AND field = ?", rows).rowcount)

    # Lists and sets.

    def _push(self, table: str, key: bytes, *values: bytes) -> int:
        look = f"SELECT max(place) FROM {table} WHERE key = ?"
        (last,) = self._do(look, (key,)).fetchone()
        first = 0 if last is None else last + 1
        rows = ((key, first + n, value) for n, value in enumerate(values))
        self._many(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)
        return first + len(values)

    def _numbered(self, table: str, key: bytes) -> list[bytes]:
        found = self._do(f"SELECT value FROM {table} WHERE key = ? ORDER BY place", (key,))
        return [value for (value,) in found]

    def _list(self, key: bytes, first: bytes, last: bytes) -> list[bytes]:
        """All of it: Millstream never asks for less."""
        if (first, last) != (b"0", b"-1"):
            raise StoreUnavailable("The embedded store has no LRANGE but of a whole list.")
        return self._numbered("lists", key)

    def _trim(self, key: bytes, first: bytes, last: bytes) -> bytes:
        """Keep the newest: `LTRIM key -<kept> -1`."""
        if int(first) >= 0 or int(last) != -1:
            raise StoreUnavailable("The embedded store has no LTRIM but to the newest of a list.")
        self._do(
            "DELETE FROM lists WHERE key = ? AND place <="
            " (SELECT max(place) FROM lists WHERE key = ?) + ?",
            (key, key, int(first)),
        )
        return b"OK"

    def _add(self, key: bytes, *members: bytes) -> int:
        rows = ((key, member) for member in members)
        return int(self._many("INSERT OR IGNORE INTO members VALUES (?, ?)", rows).rowcount)

    def _remove(self, key: bytes, *members: bytes) -> int:
        rows = ((key, member) for member in members)
        return int(self._many("DELETE FROM members WHERE key = ? AND member = ?", rows).rowcount)

    def _members(self, key: bytes) -> list[bytes]:
        return [m for (m,) in self._do("SELECT member FROM members WHERE key = ?", (key,))]


def _bytes(argument: Argument) -> bytes:
    if isinstance(argument, bytes):
        return argument
    return argument.encode() if isinstance(argument, str) else repr(argument).encode()
