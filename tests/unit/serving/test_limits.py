"""What keeps a failure from being repeated a thousand times: the breaker and the limited log."""

import logging

from millstream.clock import FakeClock
from serving.breaker import Breaker
from serving.limited_log import LimitedLog


def test_a_breaker_lets_one_try_through_after_its_rest_and_closes_on_success():
    clock = FakeClock()
    breaker = Breaker(clock, after=3, rest_s=2.0)
    for _ in range(2):
        breaker.failed()
        assert breaker.allows()
    breaker.failed()
    clock.advance(1.9)
    assert not breaker.allows()
    clock.advance(0.1)
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert all(breaker.allows() for _ in range(3))


def test_failures_that_do_not_follow_one_another_open_no_breaker():
    breaker = Breaker(FakeClock(), after=2)
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()


def test_a_line_of_a_kind_comes_once_in_its_time_and_says_how_many_it_stands_for(caplog):
    clock = FakeClock()
    log = LimitedLog(logging.getLogger("a test"), clock, every_s=10.0)
    for number in range(5):
        log.warn_of("broker", f"gone {number}")
    log.warn_of("store", "gone too")
    clock.advance(10.0)
    log.warn_of("broker", "still gone")
    assert [record.message for record in caplog.records] == [
        "gone 0",
        "gone too",
        "still gone (4 more since the last such line)",
    ]
