"""Snapshots: all or nothing, checked, and readable as a chain."""

from contextlib import suppress

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.errors import InvalidEvent, SnapshotCorrupt, SnapshotError
from millstream.snapshots import (
    Announcement,
    Control,
    Manifest,
    ServedState,
    SnapshotReader,
    SnapshotWriter,
    read_control,
    write_control,
)
from millstream.snapshots.manifest import read_manifest
from millstream.snapshots.writer import checksum
from tests.support.full_disk import full_disk


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


@pytest.mark.parametrize("at_bytes", [0, 100, 20_000])
def test_a_write_that_fails_leaves_the_older_version_and_no_rubbish(root, at_bytes):
    parts = {"dense": {"w": np.zeros(1)}, "tables": {"rows": np.zeros(10_000)}}
    with full_disk(at_bytes), pytest.raises(SnapshotError, match="Snapshot 4 not written: "):
        SnapshotWriter(root).write(manifest(4), parts)
    assert SnapshotReader(root).newest_sound() == 3
    assert not [path for path in root.iterdir() if path.name.startswith(".")]
    SnapshotWriter(root).write(manifest(4), parts)
    assert SnapshotReader(root).newest_sound() == 4


def test_a_pointer_and_a_command_that_cannot_be_written_leave_what_was_there(root):
    writer = SnapshotWriter(root)
    writer.point_latest(2)
    write_control(root, Control(number=1, action="pin", version=2))
    with full_disk(0):
        with pytest.raises(SnapshotError, match="LATEST not pointed to 3"):
            writer.point_latest(3)
        with pytest.raises(SnapshotError, match="Command follow not written"):
            write_control(root, Control(number=2))
    assert SnapshotReader(root).latest() == 2
    assert read_control(root).version == 2


def test_what_killed_writers_left_is_removed_and_nothing_else(root):
    for name in (".v00000004.99", ".v00000005.1234"):
        (root / name).mkdir()
        (root / name / "dense.safetensors").write_bytes(b"half of it")
    (root / ".LATEST.99").write_text("4")
    writer = SnapshotWriter(root)
    writer.point_latest(3)
    before = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    assert writer.clear_leftovers() == 3
    assert sorted(path.name for path in root.iterdir()) == before


def test_the_highest_number_outlives_its_snapshot(root):
    for version in (2, 3):
        SnapshotWriter(root).remove(version)
    reader = SnapshotReader(root)
    assert (reader.versions(), reader.highest()) == ([1], 3)


def test_a_file_of_a_snapshot_that_is_no_such_file_is_corrupt(root):
    folder = root / "v00000001"
    (folder / "dense.safetensors").write_bytes(b"x" * 100)
    whole = read_manifest(folder)
    sums = {"dense.safetensors": checksum(folder / "dense.safetensors")}
    text = msgspec.json.encode(msgspec.structs.replace(whole, checksums=sums))
    (folder / "manifest.json").write_bytes(text)
    with pytest.raises(SnapshotCorrupt, match="cannot be read"):
        SnapshotReader(root).arrays(SnapshotReader(root).manifest(1), "dense")


def test_a_version_that_is_not_accepted_is_not_the_newest_sound_one(root):
    assert SnapshotReader(root).newest_sound(lambda manifest: manifest.version < 3) == 2


def test_without_a_command_serving_follows_and_a_broken_one_is_an_error(root):
    assert read_control(root).follows
    (root / "CONTROL").write_bytes(b"[" * 100_000)
    with pytest.raises(SnapshotCorrupt, match="CONTROL cannot be read"):
        read_control(root)


GARBAGE = [
    b"",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"version": "7"}',
    b'{"version":0,"status":"held","kind":"full","path":"","created_at":0}',
    b'{"version":1e30,"status":"held","kind":"full","path":"","created_at":0}',
    b'{"version":1,"status":"rolled","kind":"full","path":"","created_at":0}',
    b'{"version":1,"status":"published","kind":"full","path":"\\ud800","created_at":0}',
]


@pytest.mark.parametrize("message", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("kind", [Announcement, ServedState])
def test_garbage_is_no_announcement_and_no_state(message, kind):
    with pytest.raises(InvalidEvent, match="Received: "):
        kind.decode(message)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_announcement_or_an_invalid_event(message):
    with suppress(InvalidEvent):
        Announcement.decode(message)


def test_latest_is_the_version_it_was_pointed_to(root):
    SnapshotWriter(root).point_latest(2)
    assert SnapshotReader(root).latest() == 2


def test_a_manifest_of_a_later_format_is_not_guessed_at(root):
    path = root / "v00000003" / "manifest.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(SnapshotCorrupt, match="Expected snapshot format 1. Received: 2"):
        SnapshotReader(root).manifest(3)
