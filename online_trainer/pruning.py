"""Which snapshots may go."""

from collections.abc import Sequence

from millstream.snapshots import Manifest


def removable(manifests: Sequence[Manifest], kept: int, latest: int | None) -> list[int]:
    """Versions that nothing needs, oldest first.

    The newest `kept` stay, and what `LATEST` points to, and every baseline that is compared with;
    and of all these the chain that they are read with.

    Args:
        manifests: of all versions, oldest first.
        kept: at least 1.
        latest: the version that `LATEST` points to.
    """
    parents = {manifest.version: manifest.parent for manifest in manifests}
    needed = {manifest.version for manifest in manifests[-kept:]} | {latest}
    needed |= {manifest.extra.get("baseline_version") for manifest in manifests[-kept:]}
    todo = [version for version in needed if version in parents]
    while todo:
        parent = parents[todo.pop()]
        if parent in parents and parent not in needed:
            needed.add(parent)
            todo.append(parent)
    return [version for version in sorted(parents) if version not in needed]
