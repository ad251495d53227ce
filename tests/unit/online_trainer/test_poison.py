"""Whatever bytes come among good messages: the good ones are learnt from, and the trainer lives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millstream.batches import decode_table, encode_table
from millstream.settings import Settings
from online_trainer.io.consumer import KafkaSender
from online_trainer.io.outbox import Outbox
from tests.support.examples import START_S, example_message
from tests.support.training import differences

ROWS = 50
GOOD = 6
MUTANTS = 40  # after each good message


def plain(message: bytes) -> bytes:
    """The same rows without compression, so that a changed byte is a changed value."""
    table = decode_table(message)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()


def mutated(message: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, cut out, doubled, or put in."""
    content = bytearray(message)
    at = int(rng.integers(len(content)))
    length = int(rng.integers(1, 200))
    match rng.integers(5):
        case 0:
            for place in rng.integers(0, len(content), int(rng.integers(1, 20))):
                content[place] ^= 1 << int(rng.integers(8))
        case 1:
            del content[at:]
        case 2:
            del content[at : at + length]
        case 3:
            content[at:at] = content[at : at + length]
        case _:
            content[at : at + length] = rng.bytes(length)
    return bytes(content)


def test_any_bytes_among_good_messages_cost_only_themselves(trainers):
    trainer, rng = trainers.fresh(), np.random.default_rng(11)
    whole = example_message(99, ROWS, source_topic="mutants")
    offset, refused = 0, 0
    for number in range(GOOD):
        for turn in range(MUTANTS):
            mutant = mutated(whole if turn % 2 else plain(whole), rng)
            refused += trainer.consume(mutant, offset).refused is not None
            offset += 1
        good = trainer.consume(example_message(number, ROWS), offset)
        assert (good.learnt, good.refused) == (ROWS, None)
        offset += 1
    assert trainer.offsets.offset == offset
    assert refused > GOOD * MUTANTS // 2
    assert trainer.offsets.event_time < 32_503_680_000
    assert np.isfinite(trainer.progress.value("all", "overall", "log_loss"))


def changed(name: str, values: Any) -> bytes:
    return example_message(7, ROWS, changes={name: values})


def nested(depth: int) -> pa.DataType:
    kind = pa.int32()
    for _ in range(depth):
        kind = pa.list_(kind)
    return kind


def claiming(rows: int) -> bytes:
    """Columns without a buffer, which may claim any number of rows for a few bytes."""
    table = decode_table(example_message(7, 1))
    schema = pa.schema([(name, pa.null()) for name in table.column_names])
    column = pa.Array.from_buffers(pa.null(), rows, [None])
    batch = pa.record_batch([column] * len(schema), schema=schema)
    return encode_table(batch, {"source_topic": "interactions"})


def twice(name: str) -> bytes:
    table = decode_table(example_message(7, ROWS))
    return encode_table(table.append_column(name, table[name]))


def lying() -> bytes:
    """Offsets of strings that lead out of their buffer."""
    table = decode_table(example_message(7, ROWS)).combine_chunks()
    column = table["user_id"].chunk(0)
    size = column.buffers()[2].size
    offsets = np.array([0, *[2**30] * (ROWS - 1), size], np.int32)
    false = pa.Array.from_buffers(
        pa.string(), ROWS, [None, pa.py_buffer(offsets.tobytes()), column.buffers()[2]]
    )
    place = table.schema.get_field_index("user_id")
    sink = pa.BufferOutputStream()
    batch = table.set_column(place, "user_id", false).to_batches()[0]
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


WHOLE: dict[str, Callable[[], bytes]] = {
    "no bytes": lambda: b"",
    "null bytes": lambda: b"\0" * 1_000,
    "a probe's flag as text": lambda: changed("is_probe", ["perhaps"] * ROWS),
    "an offset as text": lambda: changed("source_offset", ["n"] * ROWS),
    "an offset in a list": lambda: changed("source_offset", [[1]] * ROWS),
    "an offset as a fraction": lambda: changed("source_offset", np.full(ROWS, 1.5)),
    "a partition beyond 32 bits": lambda: changed("source_partition", np.full(ROWS, 2**40)),
    "an id as bytes": lambda: changed("user_id", pa.array([b"\xff\xfe"] * ROWS)),
    "an id as a structure": lambda: changed("item_id", pa.array([{"a": 1}] * ROWS)),
    "a feature as a structure": lambda: changed("user_events_1h", pa.array([{"a": 1}] * ROWS)),
    "a feature as text": lambda: changed("user_events_1h", ["many"] * ROWS),
    "a list that is none": lambda: changed("user_recent_items", np.ones(ROWS)),
    "a label as text": lambda: changed("label", ["yes"] * ROWS),
    "times as text": lambda: changed("event_time", ["today"] * ROWS),
    "a column that is there twice": lambda: twice("label"),
    "lists in lists": lambda: changed("user_events_1h", pa.nulls(ROWS, nested(60))),
    "more rows than there are bytes": lambda: claiming(2**31 - 1),
    "strings that lead out of their buffer": lying,
}


@pytest.mark.parametrize("poison", WHOLE.values(), ids=WHOLE)
def test_a_message_of_wrong_types_is_refused_whole_with_a_short_reason(trainers, poison):
    trainer = trainers.fresh()
    consumed = trainer.consume(poison(), 0)
    assert consumed.learnt == 0
    assert consumed.refused is not None and len(consumed.refused) < 1_000
    good = trainer.consume(example_message(1, ROWS), 1)
    assert (good.learnt, good.refused, trainer.offsets.offset) == (ROWS, None, 2)


ROWWISE: dict[str, tuple[str, Any]] = {
    "a probe's flag that is not there": ("is_probe", [None]),
    "an offset that is not there": ("source_offset", [None]),
    "an offset below 0": ("source_offset", [-5]),
    "an offset that would hide all that come": ("source_offset", [2**60]),
    "a partition below 0": ("source_partition", [-1]),
    "a time that is none": ("event_time", [float("nan")]),
    "a time without end": ("event_time", [float("inf")]),
    "milliseconds in place of seconds": ("event_time", [START_S * 1000]),
    "a time of publication that is none": ("published_at", [float("nan")]),
    "a label that is none": ("label", [None]),
    "a label out of its range": ("label", [7.0]),
    "a weight below 0": ("weight", [-1.0]),
    "a weight that makes the loss overflow": ("weight", [3e38]),
    "a number beyond float32": ("user_events_1h", [1e300]),
}


@pytest.mark.parametrize(("name", "value"), ROWWISE.values(), ids=ROWWISE)
def test_a_row_of_poison_costs_itself_and_the_rest_is_learnt(trainers, name, value):
    trainer = trainers.fresh()
    column = decode_table(example_message(1, ROWS))[name].to_pylist()
    column[3] = value[0]
    kind = pa.float64() if isinstance(value[0], float) else None
    message = example_message(1, ROWS, changes={name: pa.array(column, kind)})
    consumed = trainer.consume(message, 0)
    assert (consumed.learnt, consumed.unsound) == (ROWS - 1, 1)
    assert consumed.refused is not None
    after = trainer.consume(example_message(2, ROWS), 1)
    assert (after.learnt, after.refused) == (ROWS, None)


def test_numbers_and_texts_of_another_width_are_read_as_what_they_are(trainers):
    """What can be read without loss is read: a producer in another language has other widths."""
    one, other = trainers.fresh(), trainers.fresh()
    table = decode_table(example_message(1, ROWS))
    wider = {
        "source_offset": table["source_offset"].cast(pa.uint64()),
        "label": table["label"].cast(pa.float64()),
        "user_id": table["user_id"].cast(pa.large_string()),
        "origin": table["origin"].cast(pa.string()),
    }
    assert one.consume(example_message(1, ROWS), 0).learnt == ROWS
    assert other.consume(example_message(1, ROWS, changes=wider), 0).refused is None
    assert differences(one, other) == []


def test_an_origin_of_a_megabyte_does_not_take_the_memory_of_all_rows(trainers):
    origin = ["organic"] * (ROWS - 1) + ["o" * 1_000_000]
    consumed = trainers.fresh().consume(changed("origin", origin), 0)
    assert (consumed.learnt, consumed.refused) == (ROWS, None)


def test_letters_that_wait_for_a_broker_are_bounded_in_bytes():
    outbox = Outbox(KafkaSender(Settings(_env_file=None)))
    for offset in range(200):
        outbox.refuse(offset, bytes(500_000), "x" * 100_000, 1.0)
    waiting = [len(value) for *_, value in outbox._waiting]
    assert sum(waiting) <= 32 << 20
    assert all(size < 900_000 for size in waiting)
