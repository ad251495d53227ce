"""Message of the topic `snapshots`: which version was published, and which was held."""

from typing import Annotated, Literal

import msgspec

from millstream.errors import InvalidEvent

Status = Literal["published", "held", "rolled_back"]
# One every second for 30,000 years: a number above it is not one that a trainer gave.
MOST_VERSION = 10**12
Version = Annotated[int, msgspec.Meta(ge=1, le=MOST_VERSION)]


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the topic `snapshots`.

    Args:
        status: `published` is to be served, unless an operator has said otherwise, and so is
            `rolled_back`, an earlier one than the last; `held` was refused by the gate and is kept
            for looking at.
        path: of the snapshot's directory, as the trainer sees it.
        created_at: of the announcement, Unix seconds.
        reason: why it was held, or is gone back to.
    """

    version: Version
    status: Status
    kind: str
    path: str
    created_at: float
    parent: int | None = None
    trained_through_event_time: float = 0.0
    metrics: dict[str, float] = {}
    reason: str = ""

    def encode(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, message: bytes) -> "Announcement":
        """From JSON.

        Raises:
            InvalidEvent: it is not an announcement.
        """
        try:
            return msgspec.json.decode(message, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidEvent(f"Expected a snapshot announcement. Received: {error}") from error
