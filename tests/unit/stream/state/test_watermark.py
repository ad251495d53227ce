from math import inf

from stream.ingest.records import TopicPartition
from stream.state.watermark import CLOCK, OUT_OF_STEP_S, Watermark

A, B, LISTS = (
    TopicPartition("interactions", 0),
    TopicPartition("interactions", 1),
    TopicPartition("impressions", 0),
)


def watermark_of(**max_event_times: float) -> Watermark:
    sources = {"a": A, "b": B, "lists": LISTS}
    return Watermark(10.0, {sources[name]: time for name, time in max_event_times.items()})


def test_the_slowest_partition_decides_less_the_lateness():
    assert watermark_of(a=100.0, b=80.0).value() == 70.0


def test_it_does_not_go_back_for_a_late_event():
    watermark = watermark_of(a=100.0)
    watermark.observe(A, 50.0)
    assert watermark.value() == 90.0


def test_there_is_none_before_the_first_event():
    assert Watermark(10.0).value() == -inf


def test_a_partition_that_has_brought_nothing_is_waited_for_until_the_clock_speaks_for_it():
    watermark = watermark_of(a=100.0)
    watermark.expect([A, B, TopicPartition("items", 0)])
    assert watermark.value() == -inf
    watermark.advance({B: 100.0})
    assert watermark.value() == 90.0


def test_one_partition_has_a_watermark_of_its_own_that_the_others_do_not_hold_back():
    watermark = watermark_of(a=100.0, b=80.0)
    assert (watermark.of(A), watermark.of(B)) == (90.0, 70.0)
    assert watermark.value() == min(watermark.of(A), watermark.of(B))


def test_the_clock_is_kept_beside_the_partitions_and_is_none_of_them():
    watermark = watermark_of(a=100.0)
    after = watermark.after({CLOCK: 5.0})
    assert (after.clock_s, after.value(), after.newest()) == (5.0, 90.0, 100.0)
    assert watermark.clock_s == -inf


def test_partitions_are_out_of_step_by_the_event_time_between_them():
    assert watermark_of(a=100.0, b=83.0).out_of_step_s() == 17.0
    assert watermark_of(a=100.0, lists=10.0).out_of_step_s() == 0.0


def test_a_partition_that_is_idle_is_not_out_of_step():
    assert watermark_of(a=1e6, b=1e6 - OUT_OF_STEP_S - 1.0).out_of_step_s() == 0.0
