import msgspec
import numpy as np

from features.interner import NOTHING, Interner


def test_a_string_keeps_its_number_and_no_two_share_one():
    names = Interner()
    first, second, again = names.numbers(["a", "b", "a"])
    assert first == again == names.number("a") != second
    assert len({NOTHING, *names.numbers(["a", "b", ""])}) == 4


def test_padding_is_no_string():
    names = Interner()
    assert names.texts([names.number("a"), NOTHING, NOTHING]) == ("a",)


def test_columns_know_what_came_after_the_last_one():
    names = Interner()
    for text in ("a", "é" * 300, "b"):
        number = np.array([names.number(text)] * 2)
        assert names.column(number).to_pylist() == [text] * 2
        packed = names.packed_column(number).to_pylist()
        assert [msgspec.msgpack.decode(each) for each in packed] == [text] * 2


def test_lists_are_the_strings_of_each_row_without_its_padding():
    names = Interner()
    a, b = names.numbers(["a", "b"])
    numbers = np.array([[a, b], [b, NOTHING], [NOTHING, NOTHING]], np.int32)
    assert names.lists(numbers) == [("a", "b"), ("b",), ()]
    assert names.lists(np.zeros((2, 0), np.int32)) == [(), ()]
    assert names.lists(np.zeros((0, 2), np.int32)) == []
