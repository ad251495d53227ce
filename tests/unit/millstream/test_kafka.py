"""Kafka's record batches, whose checksum comes from another client."""

import os

import pytest
from aiokafka.record.util import calc_crc32c
from kafka.record import default_records
from kafka.record._crc32c import crc

import millstream.kafka  # noqa: F401 -- sets the checksum


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 1_000, 65_537])
def test_the_checksum_of_batches_is_that_of_kafkas_own_client(size):
    assert default_records.calc_crc32c is calc_crc32c
    data = os.urandom(size)
    for view in (memoryview(data), memoryview(bytearray(data))[size // 3 :]):
        assert default_records.calc_crc32c(view) == crc(view)


def test_a_batch_with_a_damaged_byte_is_told_from_a_sound_one():
    builder = default_records.DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 16)
    builder.append(0, 1_700_000_000_000, b"key", b"value", [])
    sound = bytes(builder.build())
    assert default_records.DefaultRecordBatch(sound).validate_crc()
    damaged = bytearray(sound)
    damaged[-2] ^= 1
    assert not default_records.DefaultRecordBatch(bytes(damaged)).validate_crc()
