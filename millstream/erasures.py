"""Erasures of people: the record of one in Redis, and its message to the trainer.

The stream forgets a user at the message of `users` without a value, notes it under `key`, and tells
the trainer in `examples`, between what it learnt of them and what comes later. Files follow at the
next compaction. Each part says how far it has come, and an erasure is done when all have.
"""

from collections.abc import Iterable, Mapping

import msgspec

_IDS, _AT = "erased_users", "erased_at"
_DECODE_IDS = msgspec.json.Decoder(list[str]).decode


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """One person is forgotten by the stream.

    Args:
        erased_at: Unix seconds, by the stream's clock.
        partition, offset: of the message of `users` that asked for it.
        log: which log that is; "" is not known.
        offline_at: when nothing of them was left in the offline store; None is not yet.
    """

    erased_at: float
    partition: int
    offset: int
    log: str = ""
    offline_at: float | None = None

    @property
    def source(self) -> str:
        """Its partition, as the offline store names it."""
        return f"{self.log}-{self.partition}" if self.log else str(self.partition)


_DECODE = msgspec.json.Decoder(Erasure).decode


def key(topic_prefix: str) -> str:
    """The Redis hash of erasures by user id."""
    return f"{topic_prefix}stream:erasures"


def encoded(erasure: Erasure) -> bytes:
    """An erasure as a field of the hash."""
    return msgspec.json.encode(erasure)


def decoded(field: bytes) -> Erasure:
    """The erasure in a field of the hash."""
    return _DECODE(field)


def metadata(user_ids: Iterable[str], erased_at: float) -> dict[str, str]:
    """Metadata of the message of `examples` that tells of erasures.

    >>> erased_of(metadata(["ann"], 5.0))
    (['ann'], 5.0)
    """
    return {_IDS: msgspec.json.encode(list(user_ids)).decode(), _AT: repr(erased_at)}


def erased_of(metadata: Mapping[str, str]) -> tuple[list[str], float]:
    """The users that a message tells to forget, and when the stream did; none, and 0.

    >>> erased_of({"source_topic": "users"})
    ([], 0.0)
    """
    if _IDS not in metadata:
        return [], 0.0
    return _DECODE_IDS(metadata[_IDS]), float(metadata[_AT])
