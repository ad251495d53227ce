"""Keys: exact for integers, apart for strings, never padding."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from millstream.ids import PADDING, id64, id64_array


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_two_integer_ids_share_a_key_only_if_they_are_equal(a, b):
    assert (id64(str(a)) == id64(str(b))) == (a == b)


@given(st.text(min_size=1))
def test_no_id_is_padding_and_every_key_fits_a_signed_64_bit_integer(text):
    assert PADDING < id64(text) < 2**63


def test_a_million_strings_have_a_million_keys():
    keys = id64_array([f"user-{n}" for n in range(1_000_000)])
    assert len(np.unique(keys)) == 1_000_000


def test_strings_that_look_almost_like_integers_are_not_taken_for_them():
    texts = ["7", "07", "+7", "-7", " 7", "7 ", "7.0", "٧", "1e3", "1000"]
    assert len({id64(text) for text in texts}) == len(texts)


def test_keys_are_the_same_in_every_process_and_release():
    assert id64("drama") == 9138075529953965219
