"""Sessions merged into a user, as at a login: what they met counts as met by the user in lists.

Of a session is kept what a list looks at: its recent items and what it has seen, as of the merge.
They stand beside the user's row, in one key that is read with it; the row itself, its counts and
what is learnt are the stream's, and stay apart: another worker may own the session there.
"""

from collections.abc import Sequence

import msgspec

# A user keeps so many merged sessions, the newest, each of at most 5 kB.
KEPT = 4


class MergedSession(msgspec.Struct, frozen=True, kw_only=True):
    """One session that is a user.

    Args:
        name: the session's user id.
        recent: items that it met last, the newest first.
        times: of each, Unix seconds, where the domain keeps them.
        seen: items that it has certainly seen.
        filters: the Bloom filters of what it has seen.
        after: what the user themselves had met last at the merge; "" is nothing.
    """

    name: str
    recent: list[str]
    seen: list[str] = []
    filters: list[bytes] = []
    after: str = ""
    times: list[float] = []

    def among(self, recent: Sequence[str]) -> list[str]:
        """The user's recent items, newest first, with the session's where the merge was.

        >>> MergedSession(name="s", recent=["x", "y"], after="b").among(["a", "b", "c"])
        ['a', 'x', 'y', 'b', 'c']
        """
        place = recent.index(self.after) if self.after in recent else len(recent)
        return list(dict.fromkeys([*recent[:place], *self.recent, *recent[place:]]))

    def is_as(self, other: "MergedSession") -> bool:
        """True if the session has met nothing that `other` has not, wherever the user was."""
        return msgspec.structs.replace(self, after=other.after) == other


def merged(before: Sequence[MergedSession], session: MergedSession) -> Sequence[MergedSession]:
    """The sessions of a user with one more, which takes the place of its earlier merge.

    One that has met nothing since its earlier merge changes nothing.
    """
    if any(session.is_as(each) for each in before):
        return before
    return [*(each for each in before if each.name != session.name), session][-KEPT:]


_DECODE = msgspec.msgpack.Decoder(list[MergedSession]).decode


def encoded(sessions: Sequence[MergedSession]) -> bytes:
    """Sessions as the store keeps them."""
    return msgspec.msgpack.encode(sessions)


def decoded(stored: bytes | None) -> list[MergedSession]:
    """The sessions that the store has of a user; none where there is nothing."""
    return [] if stored is None else _DECODE(stored)
