"""Every error that Millstream raises on purpose.

MillstreamError
├── InvalidEvent          a message that does not parse or validate (has `.path` and `.reason`)
├── ConfigurationError    a setting, a spec or a model's options that cannot work
├── DatasetError          a dataset that is not there, or not what it should be
├── StoreUnavailable      Redis or the offline store does not answer
├── LogUnavailable        Kafka does not answer
├── LogChanged            a topic is another log than the one that was read
└── SnapshotError         a snapshot that cannot be written or read
    └── SnapshotCorrupt   a snapshot whose files are missing or do not match their checksums
"""


class MillstreamError(Exception):
    """Base of all the errors above."""


class InvalidEvent(MillstreamError):
    """A message that does not parse or validate.

    Args:
        reason: what was expected and what came.
        path: where, as a JSON path: `$.items[3].item_id`; `$` is the whole message.
    """

    def __init__(self, reason: str, path: str = "$") -> None:
        super().__init__(f"{reason} - at `{path}`")
        self.reason = reason
        self.path = path


class ConfigurationError(MillstreamError):
    """A setting, a spec or a model's options that cannot work."""


class DatasetError(MillstreamError):
    """A dataset that is not there, or not what it should be."""


class StoreUnavailable(MillstreamError):
    """Redis or the offline store does not answer."""


class LogUnavailable(MillstreamError):
    """Kafka does not answer."""


class LogChanged(MillstreamError):
    """A topic is another log than the one that was read, or was cut."""


class SnapshotError(MillstreamError):
    """A snapshot that cannot be written or read."""


class SnapshotCorrupt(SnapshotError):
    """A snapshot whose files are missing or do not match their checksums."""
