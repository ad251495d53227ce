from hypothesis import given
from hypothesis import strategies as st

from features.floats import SIZE, packed, unpacked

NUMBERS = st.lists(st.floats(allow_nan=False), max_size=20)


@given(NUMBERS)
def test_numbers_survive_bit_by_bit(numbers):
    row = packed(numbers)
    assert len(row) == SIZE * len(numbers)
    assert list(unpacked(row)) == numbers
