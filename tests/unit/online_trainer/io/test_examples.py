"""Messages that were made with another list of features."""

import numpy as np
import pyarrow as pa
import pytest
from prometheus_client import generate_latest

from features.rows import arrow_type
from features.spec import BY_NAME
from millstream.batches import decode_table, encode_table
from millstream.errors import InvalidEvent
from online_trainer.io.examples import ExampleBatch, decode
from online_trainer.metrics import TrainerMetrics
from online_trainer.trainer import Consumed
from tests.support.examples import example_message

ROWS = 20
GONE = ("item_popularity", "user_occupation", "user_recent_items", "user_category_events")


def message(without: tuple[str, ...] = (), **more: pa.Array) -> bytes:
    table = decode_table(example_message(3, ROWS)).drop_columns(list(without))
    for name, column in more.items():
        table = table.append_column(name, column)
    return encode_table(table, {"source_topic": "interactions"})


def inputs(content: bytes) -> dict[str, np.ndarray]:
    return dict(ExampleBatch.of(decode(content).table).batch.inputs)


def test_a_feature_that_a_message_lacks_has_its_default_in_every_row():
    defaults = {
        name: pa.array([BY_NAME[name].default] * ROWS, arrow_type(BY_NAME[name])) for name in GONE
    }
    expected, found = inputs(message(GONE, **defaults)), inputs(message(GONE))
    assert expected.keys() == found.keys()
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []
    assert decode(message(GONE)).differences == ([], sorted(GONE))


def test_a_column_that_is_no_feature_changes_nothing_and_is_named():
    content = message(user_shoe_size=pa.array(np.full(ROWS, 42.0)))
    expected, found = inputs(message()), inputs(content)
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []
    assert decode(content).differences == (["user_shoe_size"], [])
    assert decode(message()).differences == ([], [])


def test_a_column_of_another_type_is_refused_with_its_path():
    content = message(("user_age",), user_age=pa.array(["old"] * ROWS))
    with pytest.raises(InvalidEvent, match="Expected float. Received string") as caught:
        decode(content)
    assert caught.value.path == "$.user_age"


def test_what_every_example_has_must_be_there():
    with pytest.raises(InvalidEvent, match=r"Received none named \['label', 'user_id'\]"):
        decode(message(("label", "user_id")))


def test_the_share_of_negatives_that_a_sample_has_is_their_number_times_their_probability():
    """Event 0: two negatives; event 1: none; event 2: one, of another partition; the rest: own."""
    offsets = np.r_[0, 0, 0, 1, 2, 2, 2, np.arange(3, 3 + ROWS - 7)]
    partitions = np.r_[np.zeros(5), 1, 1, np.zeros(ROWS - 7)].astype(np.int32)
    origin = np.full(ROWS, "organic", dtype=object)
    origin[[1, 2, 6]] = "sampled"
    given = np.ones(ROWS, np.float32)
    given[[1, 2, 6]] = 0.1, 0.3, 0.01
    columns = {
        "source_offset": pa.array(offsets),
        "source_partition": pa.array(partitions),
        "origin": pa.array(origin.tolist()).dictionary_encode(),
        "sampled_probability": pa.array(given),
    }
    content = message(tuple(columns), **columns)
    kept = ExampleBatch.of(decode(content).table).batch.kept
    expected = np.ones(ROWS)
    expected[[0, 1, 2, 5, 6]] = 0.4, 0.2, 0.6, 0.01, 0.01
    assert kept == pytest.approx(expected)


def test_what_is_no_probability_corrects_nothing():
    origin = pa.array(["organic", "sampled"] * (ROWS // 2)).dictionary_encode()
    given = pa.array(np.resize([np.nan, 0.0, -1.0, 7.0], ROWS).astype(np.float32))
    content = message(("origin", "sampled_probability"), origin=origin, sampled_probability=given)
    kept = ExampleBatch.of(decode(content).table).batch.kept
    assert kept is not None and kept.tolist() == [1.0] * ROWS


def test_differing_columns_are_counted_by_kind():
    metrics = TrainerMetrics()
    metrics.consumed(Consumed(unknown=["a"], missing=["b", "c"]), 0.1, 0.0)
    lines = generate_latest(metrics.registry).decode().splitlines()
    name = "millstream_trainer_other_columns_total"
    assert f'{name}{{difference="unknown"}} 1.0' in lines
    assert f'{name}{{difference="missing"}} 2.0' in lines
