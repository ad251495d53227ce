import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features import bloom


def filter_of(entries: list[str]) -> bytes:
    """As Redis builds it: SETBIT counts from the highest bit of the first byte."""
    data = bytearray(bloom.BITS // 8)
    for entry in entries:
        for bit in bloom.bits_of(entry):
            data[bit // 8] |= 0x80 >> bit % 8
    return bytes(data)


def test_the_size_is_that_of_a_thousand_entries_at_one_percent():
    n, p = bloom.CAPACITY, 0.01
    best = -n * np.log(p) / np.log(2) ** 2
    assert 0 <= bloom.BITS - best < 8
    assert round(bloom.BITS / n * np.log(2)) == bloom.HASHES


@given(st.lists(st.text(min_size=1), min_size=1, max_size=50))
def test_what_was_entered_is_found(entries):
    assert bloom.contains(filter_of(entries), entries).all()


def test_a_full_filter_is_wrong_about_one_in_a_hundred():
    filled = filter_of([f"in-{i}" for i in range(bloom.CAPACITY)])
    others = [f"out-{i}" for i in range(20_000)]
    assert 0.005 < bloom.contains(filled, others).mean() < 0.015


def test_a_filter_that_redis_cut_short_has_zeros_at_its_end():
    whole = filter_of(["a"])
    assert bloom.contains(whole.rstrip(b"\0"), ["a"]).all()


def test_nothing_was_seen_by_a_new_user():
    assert not bloom.contains(None, ["a", "b"]).any()


def test_the_bits_of_an_entry_never_change():
    # Other processes find these bits too: other ones would forget what users have seen.
    assert bloom.bits_of("41") == (7939, 8250, 8561, 8872, 9183, 9494, 213)


def test_two_slots_take_turns_and_are_cleared_before_use():
    begun = [n for n in range(3 * bloom.CAPACITY + 1) if bloom.begins_slot(n)]
    assert begun == [bloom.CAPACITY, 2 * bloom.CAPACITY, 3 * bloom.CAPACITY]
    assert [bloom.slot(n) for n in (0, *begun)] == [0, 1, 0, 1]
