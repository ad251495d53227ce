"""Read snapshots: list, check, and find the chain that leads back to a full one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import safe_open

from millstream.errors import SnapshotCorrupt, SnapshotError
from millstream.snapshots.manifest import Manifest, directory_name, read_manifest
from millstream.snapshots.writer import LATEST, checksum

Arrays = dict[str, np.ndarray]


class SnapshotReader:
    """Reads the versions under one root directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def versions(self) -> list[int]:
        """Every version that is there, oldest first."""
        return sorted(int(path.name[1:]) for path in self.root.glob("v" + "[0-9]" * 8))

    def latest(self) -> int | None:
        """The version that `LATEST` points to, or None where there is no such file."""
        try:
            return int((self.root / LATEST).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def manifest(self, version: int) -> Manifest:
        """The manifest of one version.

        Raises:
            SnapshotCorrupt: it is missing or not readable.
        """
        return read_manifest(self.directory(version))

    def chain(self, version: int) -> list[Manifest]:
        """What must be read for `version`, in order: a full snapshot, then its deltas.

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
        except OSError as error:
            raise SnapshotCorrupt(f"{path} cannot be read: {error}") from error

    def newest_sound(self) -> int | None:
        """The newest version whose whole chain matches its checksums, or None."""
        for version in reversed(self.versions()):
            try:
                self.verify(version)
            except SnapshotError:
                continue
            return version
        return None

    def verify(self, version: int) -> None:
        """Check every file that `version` needs.

        Raises:
            SnapshotCorrupt: the first that is missing or does not match.
        """
        for manifest in self.chain(version):
            for name, expected in manifest.checksums.items():
                path = self.directory(manifest.version) / name
                if not path.is_file() or checksum(path) != expected:
                    raise SnapshotCorrupt(f"{path} is missing or does not match its checksum.")

    def directory(self, version: int) -> Path:
        """Where `version` is, or would be."""
        return self.root / directory_name(version)
