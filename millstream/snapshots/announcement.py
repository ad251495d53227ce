"""What the topic `snapshots` carries: which version to serve, or not to."""

from typing import Literal

import msgspec

from millstream.errors import InvalidEvent

Status = Literal["published", "held", "rolled_back"]


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the topic `snapshots`.

    Args:
        status: `published` is to be served; `held` was refused by the gate and is kept for looking
            at; `rolled_back` asks to serve `version`, an older one, until a newer one is published.
        path: of the snapshot's directory, as the trainer sees it.
        created_at: of the announcement, Unix seconds.
        reason: why it was held or rolled back.
    """

    version: int
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
        except msgspec.DecodeError as error:
            raise InvalidEvent(f"Expected a snapshot announcement. Received: {error}") from error
