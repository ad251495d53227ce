"""Commands put together by the column against those packed one by one by hiredis."""

import hiredis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec import VIEWS
from features.stores.feast_redis import ViewLayout
from features.stores.resp import Packed, packed
from tests.support.feature_rows import feature_rows

VALUES = st.binary(max_size=12)


def one_by_one(commands):
    return b"".join(map(hiredis.pack_command, commands))


@given(st.lists(st.tuples(VALUES, VALUES), max_size=5), VALUES)
def test_a_column_of_commands_is_the_commands_one_after_the_other(rows, same):
    first, second = (pa.array([row[n] for row in rows], pa.binary()) for n in (0, 1))
    expected = one_by_one((b"SET", a, same, b) for a, b in rows)
    assert packed(b"SET", first, same, second) == Packed(len(rows), expected)


def test_the_last_argument_may_be_the_same_in_every_row():
    expected = one_by_one([(b"EXPIRE", b"a", b"60"), (b"EXPIRE", b"b", b"60")])
    assert packed(b"EXPIRE", pa.array([b"a", b"b"]), b"60") == Packed(2, expected)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_rows_are_packed_as_their_commands_are(view):
    rows = feature_rows(view, ["7", "ä", "a b\r\n", "7"], [1e9, 1e9 + 0.5, 0.0, 2e9])
    layout = ViewLayout(view, "a_project")
    expected = Packed(4, one_by_one(layout.write_commands(rows)))
    assert layout.packed_writes(rows) == [expected]


def test_expiries_come_after_the_rows():
    rows = feature_rows(VIEWS[0], ["7", "8"], [1e9, 1e9])
    layout = ViewLayout(VIEWS[0], "a_project", key_ttl_s=60)
    stored, expired = layout.packed_writes(rows)
    assert stored.count == 2
    keys = [layout.key("7"), layout.key("8")]
    assert expired.data == one_by_one((b"EXPIRE", key, b"60") for key in keys)
