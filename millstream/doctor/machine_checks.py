"""The machine: room on its disk, its clock, and what the environment says."""

import os
import tempfile
from pathlib import Path

from millstream.doctor.finding import Finding, fail, ok, warn

DISK, CLOCK, SETTINGS = "Disk", "Clock", "Settings"
LITTLE, VERY_LITTLE = 0.1, 0.02
SKEWED_S, BADLY_SKEWED_S = 2.0, 30.0


def is_writable(folder: Path) -> Finding:
    """Check that a file can be made in `folder`, or in what is there of its parents."""
    there = next(each for each in (folder, *folder.resolve().parents) if each.is_dir())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return fail(
            DISK,
            f"{folder} cannot be written: {error.strerror}",
            "Free the disk, or see its rights",
        )
    return ok(DISK, f"{folder} can be written")


def has_room(folder: Path, free_bytes: int, total_bytes: int) -> Finding:
    """Check that the disk of `folder` has room."""
    text = f"{free_bytes / 2**30:,.1f} GiB of {total_bytes / 2**30:,.1f} GiB free for {folder}"
    if free_bytes < VERY_LITTLE * total_bytes:
        return fail(DISK, text, "Free it: snapshots and part files are about to fail")
    if free_bytes < LITTLE * total_bytes:
        return warn(DISK, text, "Compact part files, or keep fewer snapshots")
    return ok(DISK, text)


def clocks_agree(ahead_s: float, other: str) -> Finding:
    """Check that this machine's clock is that of another.

    Args:
        ahead_s: by how much ours is ahead.
    """
    text = f"{abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} {other}"
    if abs(ahead_s) > BADLY_SKEWED_S:
        return fail(CLOCK, text, "Set the clocks (NTP): windows close by event time")
    if abs(ahead_s) > SKEWED_S:
        return warn(CLOCK, text, "Set the clocks (NTP)")
    return ok(CLOCK, f"agrees with {other}")


def variables_are_known(warnings: list[str]) -> list[Finding]:
    """Check that every `MILLSTREAM_*` variable is a setting."""
    return [warn(SETTINGS, each, "Correct or remove the variable") for each in warnings]
