import base64
import json

import pyarrow.compute as pc
import pytest

from millstream.batches import decode_table, encode_table, metadata_of
from stream.outputs import messages as module
from stream.outputs.messages import messages
from tests.support.stream_cases import MemoryStream, interaction, item_upsert


@pytest.fixture
def effects():
    stream = MemoryStream(sampled_negatives=3)
    stream.run(*(item_upsert(0, f"i{n}") for n in range(30)))
    return stream.run(*(interaction(n, f"u{n}") for n in range(1, 40)), b"\xff{")


def tables_of(found, topic):
    return [decode_table(message.value) for message in found if message.topic.name == topic]


def test_examples_go_first_then_features_then_dead_letters(effects):
    found = [message.topic.name for message in messages(effects)]
    assert found == ["examples", "features", "features", "dead-letters"]


def test_a_message_says_what_its_rows_are(effects):
    found = messages(effects)
    (examples,) = tables_of(found, "examples")
    assert metadata_of(examples) == {"source_topic": "interactions"}
    views = [metadata_of(table)["view"] for table in tables_of(found, "features")]
    assert views == ["user_stats", "item_stats"]
    assert [message.key for message in found[1:3]] == [b"user_stats", b"item_stats"]


def test_large_tables_are_cut_between_events_and_keep_every_row(effects, monkeypatch):
    (whole,) = tables_of(messages(effects), "examples")
    monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", 12_000)
    parts = tables_of(messages(effects), "examples")
    assert len(parts) > 1
    offsets = [set(part["source_offset"].to_pylist()) for part in parts]
    assert sum(map(len, offsets)) == len(set().union(*offsets))
    rows = [row for part in parts for row in part.to_pylist()]
    assert rows == whole.to_pylist()


def test_the_rows_of_one_event_are_never_parted(monkeypatch):
    stream = MemoryStream(sampled_negatives=3)
    stream.run(*(item_upsert(0, f"i{n}") for n in range(30)))
    effects = stream.run(interaction(1))
    monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", 1)
    assert {message.topic.name for message in messages(effects)} == {"dead-letters"}
    letters = [json.loads(message.value) for message in messages(effects)]
    assert "4 rows" in letters[0]["reason"]


def test_an_event_whose_rows_do_not_fit_is_a_dead_letter_and_the_others_go_on(monkeypatch):
    stream = MemoryStream(sampled_negatives=0)
    stream.run(item_upsert(0, "large", title="".join(map(chr, range(20_000, 21_000)))))
    effects = stream.run(interaction(1, "u1"), interaction(2, "u2", "large"), interaction(3, "u3"))
    small, large = (len(tables_of_one(effects, offset)) for offset in (0, 1))
    monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", (small + large) // 2)
    found = messages(effects)
    kept = [row["user_id"] for table in tables_of(found, "examples") for row in table.to_pylist()]
    assert kept == ["u1", "u3"]
    (letter,) = [json.loads(m.value) for m in found if m.topic.name == "dead-letters"]
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("interactions", 0, 1)
    assert "Expected rows for topic examples" in letter["reason"]


def tables_of_one(effects, offset):
    ((_, table),) = effects.examples
    return encode_table(table.filter(pc.field("source_offset") == offset), compression="zstd")


def test_a_dead_letter_is_json_with_the_original_in_base64(effects):
    letter = json.loads(messages(effects)[-1].value)
    assert base64.b64decode(letter["original"]) == b"\xff{"
    assert letter["topic"] == "interactions"
    assert letter["path"] == "$"
    assert letter["reason"].startswith("Expected an event as JSON")
