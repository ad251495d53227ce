"""Files of events, JSON lines or CSV, as records that can be resumed and told apart.

`source.py` opens a file (compressed or not), `lines.py` cuts it into lines, `records.py` lines into
records, `table.py` reads the cells of CSV, `reading.py` makes events of records, and `progress.py`
remembers how far a file has been published.
"""

from millstream.event_files.progress import PublishProgress
from millstream.event_files.reading import EventFile, EventOf, event_of_record
from millstream.event_files.records import FileRecord
from millstream.event_files.source import RegularFile, StandardInput, source_of
from millstream.event_files.table import EventTable

__all__ = [
    "EventFile",
    "EventOf",
    "EventTable",
    "FileRecord",
    "PublishProgress",
    "RegularFile",
    "StandardInput",
    "event_of_record",
    "source_of",
]
