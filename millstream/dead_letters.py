"""What the topic `dead-letters` carries: a message that was refused, and why."""

import msgspec

# Base64 of more would not fit into a message of 1 MiB.
MOST_ORIGINAL_BYTES = 600_000


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that cannot be processed, as it is published.

    Args:
        reason: what was expected and what came.
        path: where in the message; `$` is the whole.
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
        if len(self.key or b"") + len(self.original or b"") <= MOST_ORIGINAL_BYTES:
            return msgspec.json.encode(self)
        return msgspec.json.encode(msgspec.structs.replace(self, key=None, original=None))
