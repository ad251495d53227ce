"""Write snapshots: aside, checksummed, synced, renamed."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from millstream.errors import SnapshotError
from millstream.snapshots.control import replace_file
from millstream.snapshots.manifest import FILE_NAME, Manifest, directory_name

LATEST = "LATEST"
HIGHEST = "HIGHEST"  # the highest number that was ever given to a version
Parts = Mapping[str, Mapping[str, np.ndarray]]


class SnapshotWriter:
    """Writes versions under one root directory.

    Args:
        root: made if it is not there; one trainer writes to it at a time.

    Raises:
        SnapshotError: it is not there and cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SnapshotError(f"Folder {root} cannot be made: {error}") from error

    def clear_leftovers(self) -> int:
        """Remove what writers that were killed left half-written; returns how many."""
        found = [*self.root.glob(".v*.*"), *self.root.glob(f".{LATEST}.*")]
        for path in [*found, *self.root.glob(f".{HIGHEST}.*")]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(found)

    def write(self, manifest: Manifest, parts: Parts) -> Path:
        """Write one snapshot; a version that is already there is replaced.

        Args:
            manifest: without checksums; they are filled in.
            parts: arrays by name, by part: a part is one `.safetensors` file.

        Returns:
            The directory of the snapshot.

        Raises:
            SnapshotError: disk or memory refused; nothing of the snapshot is left behind.
        """
        final = self.root / directory_name(manifest.version)
        aside = self.root / f".{final.name}.{os.getpid()}"
        try:
            self._fill(aside, manifest, parts)
            self._spend(manifest.version)
            if final.exists():
                shutil.rmtree(final)
            aside.rename(final)
            _sync(self.root)
        except (OSError, SafetensorError, MemoryError) as error:
            raise SnapshotError(f"Snapshot {manifest.version} not written: {error}") from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return final

    def point_latest(self, version: int) -> None:
        """Make `version` the one that readers without a broker take.

        Raises:
            SnapshotError: the disk refused; the pointer stays where it was.
        """
        try:
            replace_file(self.root / LATEST, f"{version}\n".encode())
        except OSError as error:
            raise SnapshotError(f"{LATEST} not pointed to {version}: {error}") from error

    def remove(self, version: int) -> None:
        """Remove one snapshot, if it is there."""
        shutil.rmtree(self.root / directory_name(version), ignore_errors=True)

    def _spend(self, version: int) -> None:
        """Keep in mind that the number is taken, whatever becomes of the snapshot."""
        if version > read_number(self.root / HIGHEST):
            replace_file(self.root / HIGHEST, f"{version}\n".encode())

    def _fill(self, directory: Path, manifest: Manifest, parts: Parts) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        checksums = {}
        for part, arrays in parts.items():
            path = directory / f"{part}.safetensors"
            # Not `ascontiguousarray`: it would give a scalar an axis.
            save_file({name: np.asarray(a, order="C") for name, a in arrays.items()}, path)
            checksums[path.name] = checksum(path)
            _sync(path)
        whole = msgspec.structs.replace(manifest, checksums=checksums)
        text = msgspec.json.format(msgspec.json.encode(whole), indent=2)
        (directory / FILE_NAME).write_bytes(text)
        _sync(directory / FILE_NAME)


def read_number(path: Path) -> int:
    """The number that a file holds; 0 where there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
