"""Snapshots: what the trainer publishes and the serving worker swaps in.

    <root>/v00000012/manifest.json       what it is, and the checksum of every file
    <root>/v00000012/<part>.safetensors  named arrays
    <root>/LATEST                        the number of the newest published version
    <root>/HIGHEST                       the highest number ever given: none is given twice
    <root>/CONTROL                       what an operator has said: pinned, paused, rolled back

A `full` snapshot stands alone. A `delta` holds the dense arrays whole, and of the tables only the
rows touched since its `parent`; it is read together with the chain that leads back to a full one.
A snapshot is written aside, synced, and then renamed: a reader sees all of it or nothing.
"""

from millstream.snapshots.announcement import Announcement
from millstream.snapshots.control import Control, read_control, write_control
from millstream.snapshots.manifest import Manifest
from millstream.snapshots.reader import SnapshotReader
from millstream.snapshots.served_state import ServedState
from millstream.snapshots.writer import SnapshotWriter

__all__ = [
    "Announcement",
    "Control",
    "Manifest",
    "ServedState",
    "SnapshotReader",
    "SnapshotWriter",
    "read_control",
    "write_control",
]
