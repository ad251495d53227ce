"""Read snapshots: list, check, and find the chain that leads back to a full one."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open

from millstream.errors import SnapshotCorrupt, SnapshotError
from millstream.snapshots.manifest import FILE_NAME, Manifest, directory_name, read_manifest
from millstream.snapshots.withdrawn import read_withdrawn
from millstream.snapshots.writer import HIGHEST, LATEST, checksum, read_number

Arrays = dict[str, np.ndarray]
# File by file: version, name, size, time of the last change in nanoseconds.
Traces = tuple[tuple[int, str, int, int], ...]

_DIRECTORY = re.compile(r"v\d{8,}")


class SnapshotReader:
    """Reads the versions under one root directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def versions(self) -> list[int]:
        """Every version that is there, oldest first."""
        found = self.root.glob("v[0-9]*")
        return sorted(int(path.name[1:]) for path in found if _DIRECTORY.fullmatch(path.name))

    def latest(self) -> int | None:
        """The version that `LATEST` points to, or None where there is no such file."""
        return read_number(self.root / LATEST) or None

    def highest(self) -> int:
        """The highest number that was ever given to a version; 0 before the first."""
        return max(*self.versions()[-1:], read_number(self.root / HIGHEST), 0)

    def manifest(self, version: int) -> Manifest:
        """The manifest of one version; one that was withdrawn is held.

        Raises:
            SnapshotCorrupt: it is missing or not readable.
            SnapshotError: which ones were withdrawn cannot be read.
        """
        manifest = read_manifest(self.directory(version))
        if (reason := read_withdrawn(self.root).get(version)) is None:
            return manifest
        extra = {**manifest.extra, "status": "held", "reason": reason}
        return msgspec.structs.replace(manifest, extra=extra)

    def chain(self, version: int) -> list[Manifest]:
        """Chain of `version`, in reading order: a full snapshot, then its deltas.

        Raises:
            SnapshotCorrupt: a link is missing.
        """
        links = [self.manifest(version)]
        while links[-1].kind == "delta":
            parent = links[-1].parent
            if parent is None or parent >= links[-1].version:
                raise SnapshotCorrupt(
                    f"Expected an older parent of delta {links[-1].version}. Received: {parent!r}."
                )
            links.append(self.manifest(parent))
        return links[::-1]

    def arrays(
        self, manifest: Manifest, part: str, wanted: Callable[[str], bool] = lambda name: True
    ) -> Arrays:
        """The arrays of one part whose names are `wanted`; the checksum is verified first.

        Raises:
            SnapshotCorrupt: the file is missing or does not match its checksum.
        """
        path = self.directory(manifest.version) / f"{part}.safetensors"
        try:
            if checksum(path) != manifest.checksums.get(path.name):
                raise SnapshotCorrupt(f"{path} does not match its checksum.")
            with safe_open(path, framework="numpy") as file:
                names = filter(wanted, file.keys())
                return {name: file.get_tensor(name) for name in names}
        except (OSError, SafetensorError) as error:
            raise SnapshotCorrupt(f"{path} cannot be read: {error}") from error

    def newest_sound(
        self, accepts: Callable[[Manifest], bool] = lambda manifest: True
    ) -> int | None:
        """The newest version that is accepted and whose whole chain matches its checksums.

        Args:
            accepts: asked by manifest, before any file is read.
        """
        for version in reversed(self.versions()):
            try:
                if not accepts(self.manifest(version)):
                    continue
                self.verify(version)
            except SnapshotError:
                continue
            return version
        return None

    def traces(self, version: int) -> Traces:
        """Traces of every file that `version` needs, without reading them.

        Raises:
            SnapshotCorrupt: a file is missing.
        """
        found = []
        for manifest in self.chain(version):
            for name in (FILE_NAME, *sorted(manifest.checksums)):
                path = self.directory(manifest.version) / name
                try:
                    stat = path.stat()
                except OSError as error:
                    raise SnapshotCorrupt(f"{path} cannot be read: {error}") from error
                found.append((manifest.version, name, stat.st_size, stat.st_mtime_ns))
        return tuple(found)

    def verify(self, version: int) -> None:
        """Check every file that `version` needs.

        Raises:
            SnapshotCorrupt: the first that is missing or does not match.
        """
        for manifest in self.chain(version):
            for name, expected in manifest.checksums.items():
                path = self.directory(manifest.version) / name
                if not _matches(path, expected):
                    raise SnapshotCorrupt(f"{path} is missing or does not match its checksum.")

    def directory(self, version: int) -> Path:
        """Directory of `version`, whether or not it exists."""
        return self.root / directory_name(version)


def _matches(path: Path, expected: str) -> bool:
    """True if a file is there and has that checksum."""
    try:
        return checksum(path) == expected
    except OSError:
        return False
