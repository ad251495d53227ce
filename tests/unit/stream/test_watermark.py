from math import inf

from stream.records import Source
from stream.watermark import Watermark

A, B = Source("interactions", 0), Source("interactions", 1)


def test_the_slowest_partition_decides_less_the_lateness():
    watermark = Watermark(lateness_s=10.0, idle_s=5.0)
    watermark.observe(A, 100.0, 0.0)
    watermark.observe(B, 80.0, 0.0)
    assert watermark.value(0.0) == 70.0


def test_it_does_not_go_back_for_a_late_event():
    watermark = Watermark(lateness_s=10.0, idle_s=5.0)
    watermark.observe(A, 100.0, 0.0)
    watermark.observe(A, 50.0, 0.0)
    assert watermark.value(0.0) == 90.0


def test_a_silent_partition_is_left_out():
    watermark = Watermark(lateness_s=10.0, idle_s=5.0)
    watermark.observe(A, 80.0, 0.0)
    watermark.observe(B, 100.0, 4.0)
    assert watermark.value(4.0) == 70.0
    assert watermark.value(5.0) == 90.0


def test_there_is_none_before_the_first_event():
    assert Watermark(lateness_s=10.0, idle_s=5.0).value(0.0) == -inf


def test_when_all_are_silent_the_newest_time_decides():
    watermark = Watermark(lateness_s=10.0, idle_s=5.0)
    watermark.observe(A, 100.0, 0.0)
    watermark.observe(B, 80.0, 1.0)
    assert watermark.value(5.0) == 70.0
    assert watermark.value(6.0) == 90.0


def test_after_a_restart_every_known_partition_is_waited_for():
    watermark = Watermark(lateness_s=10.0, idle_s=5.0, reached={A: 80.0, B: 100.0})
    watermark.resume(1000.0)
    watermark.observe(B, 500.0, 1001.0)
    assert watermark.value(1004.9) == 70.0
    assert watermark.value(1005.0) == 490.0
