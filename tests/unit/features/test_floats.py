from hypothesis import given
from hypothesis import strategies as st

from features.floats import SIZE, flat, packed, unpacked

NUMBERS = st.lists(st.floats(allow_nan=False), max_size=20)


@given(NUMBERS)
def test_numbers_survive_bit_by_bit(numbers):
    row = packed(numbers)
    assert len(row) == SIZE * len(numbers)
    assert list(unpacked(row)) == numbers


@given(st.lists(NUMBERS, max_size=5))
def test_rows_come_one_after_the_other(rows):
    assert flat(map(packed, rows)).tolist() == [number for row in rows for number in row]
