"""Every error that Millstream raises on purpose.

MillstreamError
├── InvalidEvent          a message that does not parse or validate (has `.path` and `.reason`)
├── ConfigurationError    a setting, a spec or a model's options that cannot work
├── DatasetError          a dataset that is not there, or not what it should be
├── StoreUnavailable      Redis or the offline store does not answer
├── WriterReplaced        another process appends to the same part of the offline store
├── LogUnavailable        Kafka does not answer
├── LogChanged            a topic is another log than the one that was read
└── SnapshotError         a snapshot that cannot be written or read
    └── SnapshotCorrupt   a snapshot whose files are missing or do not match their checksums
"""

MOST_REASON, MOST_PATH = 1_000, 300  # characters


class MillstreamError(Exception):
    """Base of all the errors above."""


class InvalidEvent(MillstreamError):
    """A message that does not parse or validate.

    Args:
        reason: what was expected and what came.
            Cut to 1,000 characters, so that whoever quotes a value cannot pass on all of it.
        path: where, as a JSON path: `$.items[3].item_id`; `$` is the whole message. Cut to 300
            characters.
    """

    def __init__(self, reason: str, path: str = "$") -> None:
        self.reason = printable(reason, MOST_REASON)
        self.path = printable(path, MOST_PATH)
        super().__init__(f"{self.reason} - at `{self.path}`")


def printable(text: str, most: int) -> str:
    """`text` in at most `most` characters that UTF-8 can hold: half an emoji becomes its escape.

    >>> printable("a\\ud83d", 20), printable("abcdef", 4)
    ('a\\\\ud83d', 'abc…')
    """
    kept = text[:most].encode(errors="backslashreplace").decode()
    return kept if len(text) <= most and len(kept) <= most else f"{kept[: most - 1]}…"


def shown(value: object, most: int = 100) -> str:
    """`value` for an error text: its `repr`, cut to `most` characters.

    >>> shown("x" * 500, most=10)
    "'xxxxxxxx…"
    """
    begin = value[:most] if isinstance(value, str | bytes | list | tuple) else value
    try:
        return printable(repr(begin), most)
    except (ValueError, RecursionError):  # a number of thousands of digits, a deep structure
        return f"a very large {type(value).__name__}"


class ConfigurationError(MillstreamError):
    """A setting, a spec or a model's options that cannot work."""


class DatasetError(MillstreamError):
    """A dataset that is not there, or not what it should be."""


class StoreUnavailable(MillstreamError):
    """Redis or the offline store does not answer."""


class WriterReplaced(MillstreamError):
    """Another process appends to the same part of the offline store."""


class LogUnavailable(MillstreamError):
    """Kafka, or the embedded log, does not answer."""


class LogChanged(MillstreamError):
    """A topic is another log than the one that was read, or was cut."""


class SnapshotError(MillstreamError):
    """A snapshot that cannot be written or read."""


class SnapshotCorrupt(SnapshotError):
    """A snapshot whose files are missing or do not match their checksums."""
