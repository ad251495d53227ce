"""Users from the online store: features and seen filters, in one round trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, NamedTuple, Protocol

import numpy as np

from features import bloom
from features.as_of import as_of
from features.columns import Arrays, arrays_from_rows
from features.encode import encode_entity
from features.seen import RECENT_ARE_SEEN, SEEN_KINDS, SeenRule
from features.spec import BY_NAME, FEATURES, RECENT, RECENT_TIMES, USER_ATTRIBUTES, USER_STATS
from features.stores.commands import CommandClient
from features.stores.redis_online import Layouts
from millstream.ids import id64_array
from millstream.sessions import merged_key
from serving.merged_sessions import MergedSession, decoded

_USER_FEATURES = tuple(feature for feature in FEATURES if feature.entity == "user")
_DEFAULTS = {feature.name: feature.default for feature in _USER_FEATURES}
_VIEWS = (USER_STATS, USER_ATTRIBUTES)


class Met(NamedTuple):
    """An item that a user met, as this worker knows it; without a kind where a caller says so."""

    item_id: str
    kind: str = ""
    time_s: float = 0.0

    @property
    def is_seen(self) -> bool:
        """Whether it counts as seen, as long as no list says otherwise."""
        return not self.kind or self.kind in SEEN_KINDS


@dataclass(frozen=True)
class StoredUser:
    """One user as the store has them.

    Args:
        raw: stored feature values by name; what is missing has its default.
        filters: the Bloom filters of what they have seen; None was never written.
        met: items that they met, as this worker knows it, the newest last
            (`serving/remembered.py`).
        merged_seen: items that were seen in sessions merged into them.
    """

    user_id: str
    raw: dict[str, Any]
    filters: Sequence[bytes | None] = ()
    met: Sequence[Met] = ()
    merged_seen: Sequence[str] = ()

    @classmethod
    def unknown(cls, user_id: str) -> "StoredUser":
        """A user of whom nothing is known."""
        return cls(user_id, dict(_DEFAULTS))

    @property
    def certainly_seen(self) -> Sequence[str]:
        """Items they have seen of late."""
        recent: Sequence[str] = self.raw[RECENT] if RECENT_ARE_SEEN else ()
        return [*recent, *self.merged_seen, *self._met] if self.met or self.merged_seen else recent

    def seen_by(self, rule: SeenRule, now_s: float) -> Sequence[str]:
        """Items of which it is certain that they count as seen by a rule at `now_s`."""
        recent: Sequence[str] = self.raw[RECENT] if RECENT_ARE_SEEN and rule.by_item else ()
        merged = self.merged_seen if rule.any_kind else ()
        if not self.met and not merged:
            return recent
        return [
            *recent,
            *merged,
            *(m.item_id for m in self.met if rule.counts(m.kind, m.time_s, now_s)),
        ]

    @property
    def _met(self) -> list[str]:
        return [met.item_id for met in self.met if met.is_seen]

    @property
    def newest(self) -> list[str]:
        """Items that they met last, the newest first: what only this worker knows, then the row's.

        Of what this worker knows only what came after the row was written is new.
        """
        stored: Sequence[str] = self.raw[RECENT]
        known, later = set(stored), []
        for item in reversed(self._met):
            if item in known:
                break
            later.append(item)
        return list(dict.fromkeys([*later, *stored]))

    def with_recent(self, items: Sequence[str], time_s: float = 0.0) -> "StoredUser":
        """The same user, who has met `items` since, newest first.

        Args:
            time_s: when that was, at the latest.
        """
        if not items:
            return self
        recent = list(dict.fromkeys([*items, *self.raw[RECENT]]))
        known = {**self.times, **dict.fromkeys(items, time_s)}
        raw = {**self.raw, **recent_columns(recent[: BY_NAME[RECENT].length], known)}
        return replace(self, raw=raw, met=(*self.met, *map(Met, reversed(items))))

    def with_sessions(self, merged: Sequence[MergedSession]) -> "StoredUser":
        """The same user, who has met what sessions of theirs did, the oldest merge first."""
        if not merged:
            return self
        recent: list[str] = list(self.raw[RECENT])
        known: dict[str, float] = {}
        for session in merged:
            recent = session.among(recent)
            known |= zip(session.recent, session.times, strict=False)
        known |= self.times
        return replace(
            self,
            raw={**self.raw, **recent_columns(recent[: BY_NAME[RECENT].length], known)},
            filters=[*self.filters, *(each for session in merged for each in session.filters)],
            merged_seen=[item for session in merged for item in session.seen],
        )

    @property
    def times(self) -> dict[str, float]:
        """When they met their recent items, Unix seconds by item, where the domain keeps it."""
        if RECENT_TIMES is None:
            return {}
        stored = zip(self.raw[RECENT], self.raw[RECENT_TIMES], strict=False)
        return {**dict(stored), **{m.item_id: m.time_s for m in self.met if m.time_s}}

    def as_of(self, time_s: float) -> Arrays:
        """Their features as of `time_s`: (1,) or (1, length) by name."""
        return as_of(arrays_from_rows([self.raw], _USER_FEATURES), "user", time_s)

    def inputs(self, features: Arrays, time_s: float) -> Arrays:
        """The model inputs that need the user alone, from what `as_of` gave; one row."""
        return encode_entity("user", id64_array([self.user_id]), features, np.array([time_s]))

    def logged(self, features: Arrays) -> dict[str, Any]:
        """The as-of values as they are logged: numbers from `features`, strings as they are."""
        return {f.name: self._logged(f.name, features) for f in _USER_FEATURES}

    def _logged(self, name: str, features: Arrays) -> Any:
        raw = self.raw[name]
        if isinstance(raw, str):
            return raw
        if isinstance(raw, list | tuple):
            is_text = bool(raw) and isinstance(raw[0], str)
            return list(raw) if is_text else features[name][0, : len(raw)].tolist()
        return features[name][0].tolist()


class Users(Protocol):
    """Protocol of a store of users."""

    async def read(self, user_id: str) -> StoredUser:
        """The user, with defaults for what is not known.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        ...


class StoredUsers:
    """`Users` from the online store: rows as Feast keeps them, filters as the stream writes them.

    Args:
        client: of the store.
        project: of the Feast repository.
        prefix: of the installation's keys (`Settings.topic_prefix`).
    """

    def __init__(self, client: CommandClient, project: str, prefix: str) -> None:
        self._client = client
        self._layouts = Layouts(project)
        self._prefix = prefix

    async def read(self, user_id: str) -> StoredUser:
        """Features, filters and merged sessions, in one round trip."""
        keys = [bloom.key(self._prefix, user_id, slot) for slot in range(bloom.SLOTS)]
        keys.append(merged_key(self._prefix, user_id))
        row, (*filters, merged) = await self._client.execute(
            [self._layouts.entity_command(_VIEWS, user_id), ("MGET", *keys)]
        )
        raw = {**_DEFAULTS, **_finite(self._layouts.entity_row(_VIEWS, row))}
        return StoredUser(user_id, raw, filters).with_sessions(decoded(merged))


def recent_columns(recent: Sequence[str], times: Mapping[str, float]) -> dict[str, Any]:
    """The columns of a user's recent items.

    Args:
        times: of items, Unix seconds; 0 stands for that of others.
    """
    if RECENT_TIMES is None:
        return {RECENT: list(recent)}
    return {RECENT: list(recent), RECENT_TIMES: [times.get(item, 0.0) for item in recent]}


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """The row without numbers that are none: no score follows from them."""
    return {name: value for name, value in row.items() if _is_finite(value)}


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, list | tuple) and value and isinstance(value[0], float):
        return all(map(isfinite, value))
    return True
