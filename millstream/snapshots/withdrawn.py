"""Snapshots that were published and then withdrawn: on newer examples they were worse than another.

`<root>/WITHDRAWN` holds the reasons by version. `SnapshotReader.manifest` gives such a version as
held, so that nobody serves it, or goes on from it, unless an operator forces it.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from millstream.errors import SnapshotError
from millstream.snapshots.control import replace_file

FILE_NAME = "WITHDRAWN"


def read_withdrawn(root: Path) -> dict[int, str]:
    """Reasons by version; empty where none was withdrawn.

    Raises:
        SnapshotError: the file is there and cannot be read.
    """
    path = root / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[int, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotError(f"{path} cannot be read: {error}") from error


def withdraw(root: Path, reasons: Mapping[int, str]) -> None:
    """Add versions and their reasons.

    Raises:
        SnapshotError: the disk refused; nothing was added.
    """
    found = {**read_withdrawn(root), **reasons}
    try:
        replace_file(root / FILE_NAME, msgspec.json.encode(found) + b"\n")
    except OSError as error:
        raise SnapshotError(f"Not withdrawn: {', '.join(map(str, reasons))}: {error}") from error
