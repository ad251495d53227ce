import numpy as np
import pyarrow as pa

from online_trainer.io.offsets import Offsets


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
    offsets = Offsets()
    offsets.advance(4, table([0, 0, 1], [5, 6, 2]))
    assert offsets.offset == 5
    assert offsets.marks == {"interactions-0": 6, "interactions-1": 2}
    again = table([0, 0, 1, 1, 2], [6, 7, 2, 3, 0])
    assert offsets.unseen(again).tolist() == [False, True, False, True, True]
    assert offsets.unseen(table([0], [1], "impressions")).tolist() == [True]


def test_rows_of_one_event_are_seen_together():
    offsets = Offsets()
    message = table([0, 0, 0], [9, 9, 9])
    assert offsets.unseen(message).all()
    offsets.advance(0, message)
    assert not offsets.unseen(message).any()


def test_a_mark_never_falls():
    offsets = Offsets()
    offsets.advance(0, table([0], [9]))
    offsets.advance(1, table([0], [3]))
    assert offsets.marks == {"interactions-0": 9}


def test_a_message_without_rows_moves_the_offset_alone():
    offsets = Offsets()
    offsets.advance(7, table([], []))
    assert (offsets.offset, offsets.marks) == (8, {})
    assert np.array_equal(offsets.unseen(table([], [])), np.zeros(0, bool))


def test_rows_of_another_log_are_new_whatever_their_positions_are():
    offsets = Offsets()
    offsets.advance(4, table([0, 0], [5, 6], log="a"))
    assert offsets.unseen(table([0, 0], [0, 6], log="b")).tolist() == [True, True]
    offsets.advance(5, table([0], [0], log="b"))
    assert offsets.unseen(table([0, 0], [0, 1], log="b")).tolist() == [False, True]
    assert offsets.unseen(table([0], [6], log="a")).tolist() == [False]


def test_rows_that_did_not_say_their_log_are_of_the_first_that_is_named():
    offsets = Offsets()
    offsets.advance(4, table([0, 0], [5, 6]))
    assert offsets.unseen(table([0, 0], [6, 7], log="a")).tolist() == [False, True]
    assert offsets.unseen(table([0, 0], [6, 7], log="b")).tolist() == [True, True]
    assert offsets.marks == {"interactions@a-0": 6}


def test_with_another_input_what_did_not_say_its_log_counts_no_more():
    offsets = Offsets()
    offsets.advance(4, table([0], [5]))
    offsets.advance(5, table([1], [5], log="a"))
    offsets.begin("new", 0, is_other=True)
    assert (offsets.log, offsets.offset) == ("new", 0)
    assert offsets.unseen(table([0], [5], log="a")).tolist() == [True]
    assert offsets.unseen(table([1], [5], log="a")).tolist() == [False]
