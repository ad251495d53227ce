"""What the topic `dead-letters` carries: a message that was refused, and why."""

import msgspec


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that cannot be processed, as it is published.

    Args:
        reason: what was expected and what came.
        path: where in the message; `$` is the whole.
        topic: that it was read from, without the installation's prefix.
        original: its bytes; Base64 in JSON, None for a message without a value.
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
