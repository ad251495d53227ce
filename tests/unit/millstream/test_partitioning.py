"""Partitions of keys as Kafka's own partitioner chooses them; origins through headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from millstream.errors import ConfigurationError
from millstream.partitioning import ORIGIN_HEADER, Origin, origin_of, partitions_of
from millstream.topics import check_item_partitions, user_partitions


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 50))
def test_partitions_are_those_of_kafkas_partitioner(keys, count):
    expected = [(murmur2(key) & 0x7FFF_FFFF) % count for key in keys]
    assert partitions_of(keys, count).tolist() == expected


def test_an_origin_is_read_from_the_header_that_it_writes():
    origin = Origin(3, 17, 1.75e9)
    assert origin_of([("other", b"1:2:3"), origin.header()]) == origin
    assert origin_of([Origin(3, 17, -0.001).header()]) == Origin(3, 17, -0.001)


@pytest.mark.parametrize("value", [None, b"", b"1:2", b"a:b:c"])
def test_a_header_that_is_none_of_ours_is_no_origin(value):
    assert origin_of([(ORIGIN_HEADER, value)]) is None


def test_new_topics_by_user_get_the_partitions_of_those_that_are_there():
    assert user_partitions({"users": 4}) == 4
    assert user_partitions({}) == 16


def test_topics_by_user_with_other_numbers_of_partitions_are_refused():
    with pytest.raises(ConfigurationError, match=r"Received: interactions 4, users 16\."):
        user_partitions({"interactions": 4, "users": 16})


def test_topics_of_the_items_side_with_several_partitions_are_refused():
    check_item_partitions({"items": 1, "touches": 1})
    with pytest.raises(ConfigurationError, match=r"one partition.*Received: items 4\."):
        check_item_partitions({"items": 4, "touches": 1})
