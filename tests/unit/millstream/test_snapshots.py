"""Snapshots: all or nothing, checked, and readable as a chain."""

import numpy as np
import pytest

from millstream.errors import SnapshotCorrupt, SnapshotError
from millstream.snapshots import Manifest, SnapshotReader, SnapshotWriter


def manifest(version, kind="full", parent=None):
    return Manifest(version=version, kind=kind, parent=parent, created_at=1.0, offsets={"t-0": 7})


@pytest.fixture
def root(tmp_path):
    writer = SnapshotWriter(tmp_path)
    arrays = {"dense": {"w/0": np.arange(6, dtype=np.float32).reshape(2, 3)}}
    writer.write(manifest(1), arrays)
    writer.write(manifest(2, "delta", 1), arrays)
    writer.write(manifest(3, "delta", 2), arrays)
    return tmp_path


def damage(root, version):
    path = root / f"v{version:08d}" / "dense.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_arrays_come_back_as_they_were_written(root):
    reader = SnapshotReader(root)
    arrays = reader.arrays(reader.manifest(3), "dense")
    np.testing.assert_array_equal(arrays["w/0"], [[0, 1, 2], [3, 4, 5]])
    assert arrays["w/0"].dtype == np.float32


def test_only_the_wanted_arrays_are_read(root):
    reader = SnapshotReader(root)
    assert reader.arrays(reader.manifest(1), "dense", lambda name: name == "other") == {}


def test_a_transposed_array_is_written_by_its_values_and_not_by_its_memory(tmp_path):
    array = np.arange(6).reshape(2, 3).T
    SnapshotWriter(tmp_path).write(manifest(1), {"dense": {"w": array}})
    reader = SnapshotReader(tmp_path)
    np.testing.assert_array_equal(reader.arrays(reader.manifest(1), "dense")["w"], array)


def test_a_delta_is_read_together_with_what_it_stands_on(root):
    assert [link.version for link in SnapshotReader(root).chain(3)] == [1, 2, 3]


def test_a_missing_link_is_an_error(root):
    SnapshotWriter(root).remove(2)
    with pytest.raises(SnapshotCorrupt, match="No readable manifest"):
        SnapshotReader(root).chain(3)


def test_a_changed_byte_is_noticed_when_it_is_read(root):
    damage(root, 2)
    reader = SnapshotReader(root)
    with pytest.raises(SnapshotCorrupt, match="does not match its checksum"):
        reader.arrays(reader.manifest(2), "dense")


def test_the_newest_sound_version_does_not_stand_on_a_damaged_one(root):
    assert SnapshotReader(root).newest_sound() == 3
    damage(root, 2)
    assert SnapshotReader(root).newest_sound() == 1


def test_an_empty_folder_has_no_version(tmp_path):
    reader = SnapshotReader(tmp_path / "none")
    assert (reader.versions(), reader.latest(), reader.newest_sound()) == ([], None, None)


def test_a_delta_that_is_its_own_parent_is_refused(tmp_path):
    SnapshotWriter(tmp_path).write(manifest(1, "delta", 1), {})
    with pytest.raises(SnapshotCorrupt, match="Expected an older parent of delta 1. Received: 1"):
        SnapshotReader(tmp_path).chain(1)


def test_a_write_that_fails_leaves_the_older_version_and_no_rubbish(root, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("millstream.snapshots.writer.save_file", full_disk)
    with pytest.raises(SnapshotError, match="Snapshot 3 not written: .*No space left"):
        SnapshotWriter(root).write(manifest(3), {"dense": {"w": np.zeros(1)}})
    assert SnapshotReader(root).newest_sound() == 3
    assert not list(root.glob(".v*"))


def test_latest_is_the_version_it_was_pointed_to(root):
    SnapshotWriter(root).point_latest(2)
    assert SnapshotReader(root).latest() == 2


def test_a_manifest_of_a_later_format_is_not_guessed_at(root):
    path = root / "v00000003" / "manifest.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(SnapshotCorrupt, match="Expected snapshot format 1. Received: 2"):
        SnapshotReader(root).manifest(3)
