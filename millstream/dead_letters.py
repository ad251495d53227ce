"""Message of the topic `dead-letters`: a message that was refused, and why."""

import msgspec

from millstream.errors import MOST_PATH, MOST_REASON, printable

# Base64 of more would not fit into a message of 1 MiB.
MOST_ORIGINAL_BYTES = 600_000


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that cannot be processed, as it is published.

    Args:
        reason: what was expected and what came; cut to 1,000 characters when it is sent.
        path: where in the message; `$` is the whole. Cut to 300 characters.
        topic: that it was read from, without the installation's prefix.
        key, original: its bytes; Base64 in JSON, None for a message without them, and for one
            that is too large: its offset tells where it is.
        failed_at: Unix seconds.
    """

    reason: str
    path: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    original: bytes | None
    failed_at: float

    def encode(self) -> bytes:
        """As JSON, no larger than a message may be."""
        letter = msgspec.structs.replace(
            self, reason=printable(self.reason, MOST_REASON), path=printable(self.path, MOST_PATH)
        )
        if len(self.key or b"") + len(self.original or b"") > MOST_ORIGINAL_BYTES:
            letter = msgspec.structs.replace(letter, key=None, original=None)
        return msgspec.json.encode(letter)
