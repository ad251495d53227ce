from hypothesis import given
from hypothesis import strategies as st

from features.dedup import SeenIds, fingerprint, pack, unpack


def test_fingerprints_are_the_same_in_every_process():
    assert fingerprint("event-1") == 0x31B4_B849_0E3D_95E4
    assert fingerprint("event-2") != fingerprint("event-1")


def test_an_id_is_new_once():
    seen = SeenIds(window_s=60.0)
    assert seen.add(7)
    assert not seen.add(7)


def test_an_id_is_remembered_for_at_least_the_window():
    seen = SeenIds(window_s=60.0)
    seen.rotate(0.0)
    seen.rotate(59.0)
    seen.add(7)
    assert seen.rotate(60.0)
    assert not seen.add(7)
    assert not seen.rotate(119.0)
    assert not seen.add(7)


def test_an_id_is_forgotten_after_two_windows():
    seen = SeenIds(window_s=60.0)
    seen.rotate(0.0)
    seen.add(7)
    seen.rotate(60.0)
    seen.rotate(120.0)
    assert seen.add(7)


def test_a_full_generation_makes_room_before_its_time():
    seen = SeenIds(window_s=1e9, capacity=3)
    for now_s in range(100):
        seen.rotate(float(now_s))
        seen.add(now_s)
    assert len(seen.young) + len(seen.old) <= 6


@given(st.sets(st.integers(0, 2**64 - 1)))
def test_fingerprints_survive_the_store(fingerprints):
    assert unpack(pack(fingerprints)) == fingerprints


def test_a_torn_end_is_dropped():
    assert unpack(pack([1, 2]) + b"\x01\x02") == {1, 2}
