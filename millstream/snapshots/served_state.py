"""Message of the topic `serving`: the version that each worker serves, about once a second."""

import msgspec

from millstream.errors import InvalidEvent
from millstream.snapshots.control import Control

# A worker tells this often how it stands; one that has been silent for so long has gone.
TOLD_EVERY_S = 1.0
GONE_AFTER_S = 10.0


class ServedState(msgspec.Struct, frozen=True, kw_only=True):
    """How one serving worker stands.

    Args:
        worker: host, port and process.
        version: that it serves; None while it has none.
        control: number of the operator's command that it has taken over.
        trouble: why it does not serve what the command asks for; empty where it does.
        told_at: Unix seconds.
    """

    worker: str
    version: int | None
    control: int
    trouble: str = ""
    told_at: float = 0.0

    def obeys(self, control: Control) -> bool:
        """True if the worker has taken over `control` and serves what it asks for."""
        is_it = control.follows or control.version in (None, self.version)
        return self.control == control.number and is_it and not self.trouble

    def encode(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, message: bytes) -> "ServedState":
        """From JSON.

        Raises:
            InvalidEvent: it is not such a state.
        """
        try:
            return msgspec.json.decode(message, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidEvent(f"Expected a serving worker's state. Received: {error}") from error
