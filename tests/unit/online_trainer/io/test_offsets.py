import numpy as np
import pyarrow as pa

from online_trainer.io.offsets import Position


def table(
    partitions: list[int], offsets: list[int], topic: str = "interactions", log: str = ""
) -> pa.Table:
    columns = {
        "source_partition": pa.array(partitions, pa.int32()),
        "source_offset": pa.array(offsets, pa.int64()),
    }
    metadata = {"source_topic": topic, **({"source_log": log} if log else {})}
    return pa.table(columns).replace_schema_metadata(metadata)


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


def test_rows_of_another_log_are_new_whatever_their_positions_are():
    position = Position()
    position.advance(4, table([0, 0], [5, 6], log="a"))
    assert position.unseen(table([0, 0], [0, 6], log="b")).tolist() == [True, True]
    position.advance(5, table([0], [0], log="b"))
    assert position.unseen(table([0, 0], [0, 1], log="b")).tolist() == [False, True]
    assert position.unseen(table([0], [6], log="a")).tolist() == [False]


def test_rows_that_did_not_say_their_log_are_of_the_first_that_is_named():
    position = Position()
    position.advance(4, table([0, 0], [5, 6]))
    assert position.unseen(table([0, 0], [6, 7], log="a")).tolist() == [False, True]
    assert position.unseen(table([0, 0], [6, 7], log="b")).tolist() == [True, True]
    assert position.marks == {"interactions@a-0": 6}


def test_with_another_input_what_did_not_say_its_log_counts_no_more():
    position = Position()
    position.advance(4, table([0], [5]))
    position.advance(5, table([1], [5], log="a"))
    position.begin("new", 0, is_other=True)
    assert (position.log, position.offset) == ("new", 0)
    assert position.unseen(table([0], [5], log="a")).tolist() == [True]
    assert position.unseen(table([1], [5], log="a")).tolist() == [False]
