"""Operator's command to serving: a file beside the snapshots, until it is lifted.

`<root>/CONTROL` holds the newest command. Every serving worker reads it about once a second, and
when it starts; the trainer keeps the version that it names. Where there is no such file, serving
follows what the trainer publishes.
"""

import os
from pathlib import Path
from typing import Literal

import msgspec

from millstream.errors import SnapshotCorrupt, SnapshotError
from millstream.snapshots.announcement import Version

FILE_NAME = "CONTROL"
ACTIONS = ("follow", "pause", "pin", "rollback")
Action = Literal["follow", "pause", "pin", "rollback"]


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One command.

    Args:
        number: counts up with each command; workers acknowledge it. 0 stands for no command.
        action: `follow` serves what the trainer published last; the others serve `version`.
        version: None where serving follows, or was paused before it had a snapshot.
        forced: whether `version` may be one that the gate held.
        reason: what the operator said.
        said_at: Unix seconds.
    """

    number: int = 0
    action: Action = "follow"
    version: Version | None = None
    forced: bool = False
    reason: str = ""
    said_at: float = 0.0

    @property
    def follows(self) -> bool:
        """True if serving goes by what the trainer publishes."""
        return self.action == "follow"


def read_control(root: Path) -> Control:
    """The newest command, or one that follows.

    Raises:
        SnapshotCorrupt: the file is there and cannot be read.
    """
    path = root / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Control)
    except FileNotFoundError:
        return Control()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotCorrupt(f"{path} cannot be read: {error}") from error


def write_control(root: Path, control: Control) -> None:
    """Put a command in place of the one before, all or nothing.

    Raises:
        SnapshotError: the disk refused; the command before stands.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        replace_file(root / FILE_NAME, msgspec.json.encode(control) + b"\n")
    except OSError as error:
        raise SnapshotError(f"Command {control.action} not written to {root}: {error}") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a small file aside, sync it, and rename it into its place.

    Raises:
        OSError: the disk refused; what was there before stands.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
