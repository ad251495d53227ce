"""API keys: their names, scopes and limits; found by what a caller presents.

As JSON or TOML, one table a key, under the name that limits and the audit log use:

    [web]
    key = "at least 20 characters, or sha256: and the 64 hex digits of its SHA-256"
    scopes = ["events", "recommend"]
    limits = "200/second; 5000000/day"
"""

import hashlib
import hmac
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, parse_many

from millstream.errors import ConfigurationError
from serving.security.scopes import ALL, Scope

MIN_LENGTH = 20
_HASHED = re.compile(r"sha256:([0-9a-f]{64})")
_FIELDS = {"key", "scopes", "limits"}


@dataclass(frozen=True)
class Caller:
    """A caller: the name, scopes and limits of a key.

    Args:
        name: of their key; empty for somebody without one.
        scopes: what they may do.
        limits: how many requests they may send.
    """

    name: str
    scopes: frozenset[Scope]
    limits: tuple[RateLimitItem, ...] = ()


class Keyring:
    """The keys of one installation; only their hashes are kept.

    Args:
        callers: with the SHA-256 of the key of each.
    """

    def __init__(self, callers: Sequence[tuple[bytes, Caller]] = ()) -> None:
        self._callers = tuple(callers)

    def __len__(self) -> int:
        return len(self._callers)

    def caller(self, presented: str) -> Caller | None:
        """Whose key it is, or None; takes the same time whichever it is."""
        digest = hashlib.sha256(presented.encode("utf-8", "replace")).digest()
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        return found


def keys_from_text(text: str) -> Keyring:
    """The keys that a JSON or TOML text names.

    Raises:
        ConfigurationError: the text does not say what a key needs; it names the key, never its
            secret.
    """
    tables = _tables(text)
    callers = [(_digest(name, table), _caller(name, table)) for name, table in tables.items()]
    if len({digest for digest, _ in callers}) < len(callers):
        raise ConfigurationError(
            "API keys must differ from each other. Received: one of them twice."
        )
    return Keyring(callers)


def limits_from_text(text: str, path: str) -> tuple[RateLimitItem, ...]:
    """Rate limits such as `20/second; 100000/day`.

    Raises:
        ConfigurationError: it is not written so.
    """
    if not text.strip():
        return ()
    try:
        return tuple(parse_many(text))
    except ValueError as error:
        raise ConfigurationError(
            f"Expected limits such as '20/second; 100000/day' - at `{path}`. Received: {text!r}."
        ) from error


def _tables(text: str) -> dict[str, Mapping[str, Any]]:
    try:
        tables = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError:  # its text may quote a secret
        raise ConfigurationError(
            "API keys must be a JSON object or TOML, one table a key. Received: neither."
        ) from None
    for name, table in tables.items():
        if not isinstance(table, dict) or not {"key", "scopes"} <= table.keys() <= _FIELDS:
            raise ConfigurationError(
                f"API key {name!r} must have `key`, `scopes` and, if it is limited, `limits`. "
                f"Received: {sorted(table) if isinstance(table, dict) else type(table).__name__}."
            )
    return dict(tables)


def _digest(name: str, table: Mapping[str, Any]) -> bytes:
    key = table["key"]
    if isinstance(key, str) and (hashed := _HASHED.fullmatch(key)):
        return bytes.fromhex(hashed[1])
    if not isinstance(key, str) or len(key) < MIN_LENGTH or not key.isascii():
        raise ConfigurationError(
            f"API key {name!r} must be ASCII text of at least {MIN_LENGTH} characters, or "
            "`sha256:` and 64 hex digits. Received: something else."
        )
    return hashlib.sha256(key.encode()).digest()


def _caller(name: str, table: Mapping[str, Any]) -> Caller:
    scopes, limits = table["scopes"], table.get("limits", "")
    if not isinstance(scopes, list) or not scopes or not set(map(str, scopes)) <= ALL:
        raise ConfigurationError(
            f"The scopes of API key {name!r} must be of {', '.join(sorted(ALL))}. "
            f"Received: {scopes!r}."
        )
    return Caller(name, frozenset(scopes), limits_from_text(str(limits), f"$.{name}.limits"))
