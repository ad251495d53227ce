"""Snapshots: whether there is a sound one, how old it is, and what was held."""

from dataclasses import dataclass

from millstream.doctor.finding import Finding, age, fail, ok, warn
from millstream.errors import SnapshotError
from millstream.snapshots import Manifest, SnapshotReader

PART = "Snapshots"
OLD_S = 120.0


@dataclass(frozen=True)
class Versions:
    """Contents of the snapshot folder.

    Args:
        manifests: of the versions whose manifest can be read, oldest first.
        broken: why a version cannot be served, by version.
        latest: that LATEST points to.
    """

    manifests: list[Manifest]
    broken: dict[int, str]
    latest: int | None


def read_versions(reader: SnapshotReader) -> Versions:
    """Read what the folder holds; files are verified for the newest version and for LATEST."""
    manifests, broken = [], {}
    versions, latest = reader.versions(), reader.latest()
    for version in versions:
        try:
            manifests.append(reader.manifest(version))
            reader.chain(version)
            if version in (versions[-1], latest):
                reader.verify(version)
        except SnapshotError as error:
            broken[version] = str(error)
    return Versions(manifests, broken, latest)


def has_a_sound_one(found: Versions) -> Finding:
    """Check that there is a snapshot to serve and to go on from."""
    sound = [each.version for each in found.manifests if each.version not in found.broken]
    if not found.manifests and not found.broken:
        return warn(
            PART, "None yet", "Start `millstream train`; lists are popular and new till then"
        )
    if not sound:
        return fail(
            PART, "No version is sound", "Restore the folder, or let the trainer start anew"
        )
    return ok(PART, f"{len(sound)} versions, newest {sound[-1]}")


def chains_are_whole(found: Versions) -> list[Finding]:
    """Check that every version can be read with those that it needs."""
    findings = [
        warn(PART, f"Version {version}: {reason}", "Roll back to one before it if it is served")
        for version, reason in sorted(found.broken.items())
        if version != found.latest
    ]
    if found.latest in found.broken:
        findings.append(
            fail(
                PART,
                f"Version {found.latest}, which LATEST points to: {found.broken[found.latest]}",
                "Restart the trainer: it goes on from the newest sound one and publishes a new one",
            )
        )
    present = {each.version for each in found.manifests} | set(found.broken)
    if found.latest is not None and found.latest not in present:
        findings.append(
            fail(
                PART,
                f"LATEST points to version {found.latest}, which is not there",
                "Restart the trainer: it publishes a new one",
            )
        )
    return findings


def is_fresh(found: Versions, now_s: float) -> list[Finding]:
    """Check that the newest is young."""
    if not found.manifests:
        return []
    old_s = max(now_s - found.manifests[-1].created_at, 0.0)
    if old_s > OLD_S:
        return [
            warn(PART, f"The newest is {age(old_s)} old", "See whether `millstream train` runs")
        ]
    return [ok(PART, f"the newest is {age(old_s)} old")]


def none_is_held(found: Versions) -> list[Finding]:
    """Which newest ones the gate refused."""
    held = [each for each in found.manifests if each.extra.get("status") == "held"]
    if not held or held[-1].version != found.manifests[-1].version:
        return []
    reason = str(held[-1].extra.get("reason", "")) or "see the trainer's log"
    return [
        warn(
            PART,
            f"The gate holds {len(held)} versions, the newest too: {reason}",
            "See MillstreamSnapshotsHeld in docs/operations.md",
        )
    ]
