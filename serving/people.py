"""What is known of one person, and how far their erasure has come, from the online store."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from features.spec import USER_ATTRIBUTES, USER_STATS, features_of
from features.stores.commands import CommandClient
from features.stores.redis_online import AsyncRedisOnlineStore
from features.stores.schema import EVENT_TIMESTAMP
from features.upserts import UpsertVersion
from millstream import erasures
from millstream.clock import Clock
from millstream.events import Event, UserUpsert
from millstream.sessions import merged_key, session_user
from serving.merged_sessions import MergedSession, decoded, encoded, merged
from serving.remembered import Lately, Remembered
from serving.users import StoredUser, StoredUsers, recent_columns

# How long it is remembered that an erasure was asked for, seconds.
ASKED_S = 30 * 86_400
_UPSERTS = 20_000

Stage = Literal["asked", "erased", "done"]


@dataclass(frozen=True)
class Person:
    """One user, as this worker and the online store know them.

    Args:
        attributes: by the names that an upsert has.
        version: of the upsert that says so; None where there was none.
        features: as of now, recent items among them.
    """

    user_id: str
    attributes: dict[str, Any]
    version: UpsertVersion | None
    features: dict[str, Any]


@dataclass(frozen=True)
class ErasureProgress:
    """How far an erasure has come; times in Unix seconds, None where it is not yet.

    Args:
        asked_at: when this API was asked; None where Kafka was.
        online_at: when the stream and the online store had forgotten.
        model_at: up to when erasures are done in the served model.
        offline_at: when the offline files had none of it.
    """

    asked_at: float | None = None
    online_at: float | None = None
    model_at: float | None = None
    offline_at: float | None = None

    @property
    def is_asked(self) -> bool:
        """True if there is an erasure at all."""
        return self.asked_at is not None or self.online_at is not None

    @property
    def stage(self) -> Stage:
        """`asked`, `erased` from what is online, or `done` everywhere."""
        if self.online_at is None or (self.asked_at or 0.0) > self.online_at:
            return "asked"
        is_unlearnt = self.model_at is not None and self.model_at >= self.online_at
        return "done" if is_unlearnt and self.offline_at is not None else "erased"


class People:
    """Persons by id.

    Args:
        client: of the online store.
        project: of the Feast repository.
        prefix: of the installation's keys (`Settings.topic_prefix`).
        remembered: what this worker remembers of users.
        erased_through: up to when erasures are done in the served model, Unix seconds.
        forget: lets others forget a user, too.
    """

    def __init__(
        self,
        client: CommandClient,
        project: str,
        prefix: str,
        remembered: Remembered,
        clock: Clock,
        erased_through: Callable[[], float],
        forget: Callable[[str], None],
    ) -> None:
        self._client, self._prefix, self._clock = client, prefix, clock
        self._store = AsyncRedisOnlineStore(client, project)
        self._users = StoredUsers(client, project, prefix)
        self._remembered, self._erased_through = remembered, erased_through
        self._forget_elsewhere = forget
        self._upserts: Lately[UserUpsert] = Lately(_UPSERTS)
        self._one_merge = asyncio.Lock()
        self._forgotten: Lately[float] = Lately(_UPSERTS)  # when, until the store has forgotten

    def note(self, event: Event) -> None:
        """Remember an upsert that this worker has published: the store has it a moment later."""
        if isinstance(event, UserUpsert) and not event.is_probe:
            known = self._upserts.get(event.user_id)
            if known is None or _version(event) > _version(known):
                self._upserts.put(event.user_id, event)

    def forget(self, user_id: str) -> None:
        """Forget a user here; what the store still has of them counts no more."""
        self._forgotten.put(user_id, self._clock.now())
        self._upserts.pop(user_id)
        self._remembered.forget(user_id)
        self._forget_elsewhere(user_id)

    async def person(self, user_id: str) -> Person | None:
        """The person; None where nothing is known of them.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        attributes, stats = await self._store.read(
            [(USER_ATTRIBUTES, [user_id]), (USER_STATS, [user_id])]
        )
        since = self._forgotten.get(user_id) or 0.0
        known, at, met_at = attributes.to_pylist()[0], _time(attributes, since), _time(stats, since)
        is_stale = at is None and met_at is None
        read = self._users.read
        user = StoredUser.unknown(user_id) if is_stale and since else await read(user_id)
        user = self._remembered.with_met(user)
        posted = self._upserts.get(user_id)
        version = None if at is None else UpsertVersion(at, "")
        values = {
            feature.name.removeprefix("user_"): known[feature.name]
            for feature in features_of(USER_ATTRIBUTES)
            if at is not None and known[feature.name] not in (None, feature.default, [])
        }
        if posted and (version is None or posted.event_time > version.event_time):
            version, values = _version(posted), dict(posted.attributes)
        if version is None and met_at is None and not (user.met or user.newest):
            return None
        features = user.logged(user.as_of(self._clock.now()))
        met = list(dict.fromkeys([*(m.item_id for m in user.met), *user.newest]))
        features |= recent_columns(met, user.times)
        return Person(user_id, values, version, features)

    async def merge_session(self, user_id: str, session_id: str) -> MergedSession:
        """Let what a session met count as met by a user, for as long as what they met does.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        name, key = session_user(session_id), merged_key(self._prefix, user_id)
        async with self._one_merge:
            (stored,) = await self._client.execute([("GET", key)])
            found = self._remembered.with_met(await self._users.read(name))
            user = self._remembered.with_met(await self._users.read(user_id))
            before, times = decoded(stored), found.times
            session = MergedSession(
                name=name,
                recent=found.newest,
                seen=list(dict.fromkeys(found.certainly_seen)),
                filters=[each for each in found.filters if each],
                after=next(iter(user.newest), ""),
                times=[times.get(item, 0.0) for item in found.newest] if times else [],
            )
            after = merged(before, session)
            if after != before:
                ttl_s = int(USER_STATS.ttl_s or ASKED_S)
                await self._client.execute([("SET", key, encoded(after), "EX", ttl_s)])
        return session

    async def note_asked(self, user_id: str) -> None:
        """Remember that an erasure was asked for now."""
        asked = ("SET", self._asked_key(user_id), self._clock.now(), "EX", ASKED_S)
        await self._client.execute([asked])

    async def erasure(self, user_id: str) -> ErasureProgress:
        """How far the newest erasure of a user has come.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        asked, stored = await self._client.execute(
            [("GET", self._asked_key(user_id)), ("HGET", erasures.key(self._prefix), user_id)]
        )
        found = ErasureProgress(None if asked is None else float(asked))
        if stored is None:
            return found
        erasure, through = erasures.decoded(stored), self._erased_through()
        return replace(
            found,
            online_at=erasure.erased_at,
            model_at=through if through >= erasure.erased_at else None,
            offline_at=erasure.offline_at,
        )

    def _asked_key(self, user_id: str) -> str:
        return f"{self._prefix}erasure-asked:{user_id}"


def _version(event: UserUpsert) -> UpsertVersion:
    return UpsertVersion(event.event_time, event.event_id)


def _time(rows: pa.Table, since: float) -> float | None:
    """The time of the only row; None where there is none that is newer than `since`."""
    (stamp,) = rows[EVENT_TIMESTAMP].to_pylist()
    at = None if stamp is None else float(stamp.timestamp())
    return at if at is not None and at > since else None
