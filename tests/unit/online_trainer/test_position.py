import numpy as np
import pyarrow as pa

from online_trainer.position import Position


def table(partitions: list[int], offsets: list[int], topic: str = "interactions") -> pa.Table:
    columns = {
        "source_partition": pa.array(partitions, pa.int32()),
        "source_offset": pa.array(offsets, pa.int64()),
    }
    return pa.table(columns).replace_schema_metadata({"source_topic": topic})


def test_what_lies_at_or_below_the_mark_of_its_source_has_been_seen():
    position = Position()
    position.advance(4, table([0, 0, 1], [5, 6, 2]))
    assert position.offset == 5
    assert position.marks == {"interactions-0": 6, "interactions-1": 2}
    again = table([0, 0, 1, 1, 2], [6, 7, 2, 3, 0])
    assert position.unseen(again).tolist() == [False, True, False, True, True]
    assert position.unseen(table([0], [1], "impressions")).tolist() == [True]


def test_rows_of_one_event_are_seen_together():
    position = Position()
    message = table([0, 0, 0], [9, 9, 9])
    assert position.unseen(message).all()
    position.advance(0, message)
    assert not position.unseen(message).any()


def test_a_mark_never_falls():
    position = Position()
    position.advance(0, table([0], [9]))
    position.advance(1, table([0], [3]))
    assert position.marks == {"interactions-0": 9}


def test_a_message_without_rows_moves_the_offset_alone():
    position = Position()
    position.advance(7, table([], []))
    assert (position.offset, position.marks) == (8, {})
    assert np.array_equal(position.unseen(table([], [])), np.zeros(0, bool))
