import pytest

from stream.ingest.records import TopicPartition
from stream.ingest.sequence import ChunkLost, ChunkSequence

A, ITEMS = TopicPartition("interactions", 0), TopicPartition("items", 0)


def sequence_at(offset: int) -> ChunkSequence:
    sequence = ChunkSequence()
    sequence.begin({A: offset, ITEMS: offset})
    return sequence


def test_chunks_that_follow_one_another_are_taken():
    sequence = sequence_at(5)
    assert sequence.follow(A, 5, 5, 9) == 0
    assert sequence.follow(A, 10, 10, 12) == 0


def test_a_chunk_that_was_fetched_and_did_not_arrive_is_an_error():
    sequence = sequence_at(5)
    sequence.follow(A, 5, 5, 9)
    text = r"Expected one of interactions:0 after offset 10\. Received: one after 20"
    with pytest.raises(ChunkLost, match=text):
        sequence.follow(A, 20, 20, 29)


def test_what_the_broker_has_left_out_is_counted_and_said(caplog):
    assert sequence_at(5).follow(A, 5, 100, 109) == 95
    assert "95 offsets before 100 of interactions:0 were gone" in caplog.text


def test_gaps_of_a_compacted_topic_are_none():
    assert sequence_at(5).follow(ITEMS, 5, 100, 109) == 0


def test_a_partition_whose_beginning_is_not_known_begins_anywhere():
    assert ChunkSequence().follow(A, None, 70, 80) == 0
