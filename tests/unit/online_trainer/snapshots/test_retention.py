import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.snapshots import Manifest
from online_trainer.snapshots.retention import removable


def chain(*parents: int | None, baseline: int | None = None) -> list[Manifest]:
    """Versions 1, 2, ... with these parents; None is a full snapshot."""
    return [
        Manifest(
            version=version,
            kind="full" if parent is None else "delta",
            created_at=0.0,
            parent=parent,
            extra={"baseline_version": baseline},
        )
        for version, parent in enumerate(parents, start=1)
    ]


@pytest.mark.parametrize(
    ("manifests", "kept", "latest", "expected"),
    [
        (chain(None, 1, 2, None, 4), 2, 5, [1, 2, 3]),
        (chain(None, 1, 2, 3, 4), 1, 5, []),  # one chain
        (chain(None, 1, 2, None, 4), 1, 3, []),  # rolled back to 3
        (chain(None, 1, None, 3, None), 1, 5, [1, 2, 3, 4]),
        (chain(None, 1, None, 3, None, baseline=2), 1, 5, [3, 4]),
        ([], 3, None, []),
    ],
)
def test_what_is_read_with_a_kept_one_is_kept(manifests, kept, latest, expected):
    assert removable(manifests, kept, latest) == expected


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 10), st.data())
def test_every_kept_snapshot_can_still_be_read(full, kept, data):
    parents = [None if is_full or at == 0 else at for at, is_full in enumerate(full)]
    manifests = chain(*parents)
    latest = data.draw(st.integers(1, len(manifests)))
    left = {m.version for m in manifests} - set(removable(manifests, kept, latest))
    assert {m.version for m in manifests[-kept:]} | {latest} <= left
    assert all(parents[version - 1] in left | {None} for version in left)
