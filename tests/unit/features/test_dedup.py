import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.dedup import SeenIds, capacity, fingerprint, pack
from features.fingerprints import Fingerprints

MARKS = st.integers(0, 2**64 - 1)


def marks_of(*numbers):
    return np.array(numbers, np.uint64)


def is_new(seen, number):
    (found,) = seen.add(marks_of(number))
    return bool(found)


def test_fingerprints_are_the_same_in_every_process():
    assert fingerprint("event-1") == 0x31B4_B849_0E3D_95E4
    assert fingerprint("event-2") != fingerprint("event-1")


def test_an_id_is_new_once():
    seen = SeenIds(window_s=60.0)
    assert is_new(seen, 7)
    assert not is_new(seen, 7)


def test_an_id_is_remembered_for_at_least_the_window():
    seen = SeenIds(window_s=60.0)
    seen.rotate(0.0)
    seen.rotate(59.0)
    is_new(seen, 7)
    assert seen.rotate(60.0)
    assert not is_new(seen, 7)
    assert not seen.rotate(119.0)
    assert not is_new(seen, 7)


def test_an_id_is_forgotten_after_two_windows():
    seen = SeenIds(window_s=60.0)
    seen.rotate(0.0)
    is_new(seen, 7)
    seen.rotate(60.0)
    seen.rotate(120.0)
    assert is_new(seen, 7)


def test_of_equal_ids_in_one_batch_the_first_is_new():
    seen = SeenIds(window_s=60.0)
    is_new(seen, 5)
    assert seen.add(marks_of(9, 5, 9, 3)).tolist() == [True, False, False, True]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(2, 40), max_size=30), max_size=10))
def test_batches_are_told_apart_as_a_set_would(batches):
    seen, oracle = SeenIds(window_s=60.0), set()
    for batch in batches:
        expected = []
        for number in batch:
            expected.append(number not in oracle)
            oracle.add(number)
        assert seen.add(marks_of(*batch)).tolist() == expected


def test_what_is_remembered_for_the_window_is_what_the_memory_holds():
    """Ten seconds of the most events that the memory allows, and twice as many."""
    memory_bytes, window_s = 8 << 20, 10.0
    for share, held_s in ((1.0, window_s), (2.0, window_s / 2)):
        seen, per_s = (
            SeenIds(window_s, memory_bytes),
            int(share * capacity(memory_bytes) / window_s),
        )
        for second in range(40):
            seen.rotate(float(second), per_s)
            seen.add(np.arange(second * per_s, (second + 1) * per_s, dtype=np.uint64) + 2)
            assert seen.size_bytes <= memory_bytes
        assert held_s - 1.0 <= seen.held_s <= held_s


def test_what_is_in_the_set_is_found_through_all_its_tables():
    distinct = np.random.default_rng(5).integers(2, 2**64, 300_000, np.uint64)
    found = Fingerprints()
    found.add(distinct[:150_000])
    assert found.contains(distinct).tolist() == [True] * 150_000 + [False] * 150_000
    assert len(found) == 150_000
    assert found.size_bytes <= 36 * len(found)


def test_neighbours_in_one_slot_are_kept_apart():
    crowded = (np.arange(1, 1000, dtype=np.uint64) << np.uint64(32)) | np.uint64(7)
    found = Fingerprints()
    found.add(crowded)
    assert found.contains(crowded).all()
    assert not found.contains(crowded + np.uint64(1)).any()


def restored(old: bytes, young: bytes, started_at: float = 90.0) -> SeenIds:
    seen = SeenIds(window_s=10.0)
    seen.restore(old, young, started_at)
    return seen


@given(st.sets(MARKS.filter(bool)))
def test_fingerprints_survive_the_store(fingerprints):
    distinct = np.array(sorted(fingerprints), np.uint64)
    found = restored(b"", pack(fingerprints))
    assert found.young.contains(distinct).all()
    assert (len(found.young), found.started_at) == (len(fingerprints), 90.0)


def test_a_torn_end_is_dropped():
    found = restored(pack([1, 2]) + b"\x01\x02", b"").old
    assert (len(found), found.contains(marks_of(1, 2, 0x0201)).tolist()) == (2, [True, True, False])


def test_what_several_have_remembered_is_remembered_as_long_as_the_newest_wants():
    found = restored(pack([1]), pack([2, 3]), started_at=92.0)
    found.restore(pack([1, 4]), pack([3, 5]), 95.0)
    found.restore(pack([6]), pack([7]), 20.0)
    old, young = (each.contains(marks_of(1, 2, 3, 4, 5, 6, 7)) for each in (found.old, found.young))
    assert old.tolist() == [True, False, False, True, False, True, False]
    assert young.tolist() == [False, True, True, False, True, False, True]
    assert (len(found.old), len(found.young), found.started_at) == (3, 4, 95.0)
