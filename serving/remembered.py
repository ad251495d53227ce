"""Users as this worker knows them, for when the online store is gone or has not caught up."""

from collections import OrderedDict, deque
from dataclasses import replace
from typing import Generic, TypeVar

from features.seen import MARKS, SEEN_KINDS
from millstream.events import Event, Interaction
from serving.users import Met, StoredUser

T = TypeVar("T")

_MET = 50  # items of one user


class Lately(Generic[T]):
    """At most `capacity` values by key; the one that was used longest ago goes first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str) -> T | None:
        """The value of a key that is still there."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def pop(self, key: str) -> None:
        """Forget a key."""
        self._values.pop(key, None)

    def put(self, key: str, value: T) -> None:
        """Keep a value."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)


class Remembered:
    """Users as they were read last, and what they met of late by what was posted to this worker.

    What a user met is known here sooner than in the store, and stays known while the store is gone:
    no list shows it to them again.

    Args:
        users: how many are kept as they were read, some 7 kB each.
        posts: of how many it is kept what they met.
    """

    def __init__(self, users: int = 5_000, posts: int = 20_000) -> None:
        self._users: Lately[StoredUser] = Lately(users)
        self._met: Lately[deque[Met]] = Lately(posts)

    def note(self, event: Event) -> None:
        """Remember the item that an event says its user has seen, for some list at least."""
        if not isinstance(event, Interaction) or event.is_probe:
            return
        if event.kind in SEEN_KINDS or event.kind in MARKS:
            met = self._met.get(event.user_id)
            if met is None:
                self._met.put(event.user_id, met := deque(maxlen=_MET))
            met.append(Met(event.item_id, event.kind, event.event_time))

    def read(self, user: StoredUser) -> StoredUser:
        """Keep a user as the store has them; returns them with what they met since."""
        self._users.put(user.user_id, user)
        return self.with_met(user)

    def forget(self, user_id: str) -> None:
        """Forget a user."""
        self._users.pop(user_id)
        self._met.pop(user_id)

    def user(self, user_id: str) -> StoredUser:
        """The user as far as they are remembered; else an unknown one."""
        return self.with_met(self._users.get(user_id) or StoredUser.unknown(user_id))

    def with_met(self, user: StoredUser) -> StoredUser:
        """A user with what they met since, by what was posted here."""
        met = self._met.get(user.user_id)
        return replace(user, met=tuple(met)) if met else user
