"""Log lines: JSON for machines, and no flood while a broker is away."""

import json
import logging

from millstream.logs import JsonFormatter, Throttle


def record(name, message, *args):
    return logging.LogRecord(name, logging.ERROR, "", 0, message, args, None)


def test_a_library_that_repeats_itself_is_heard_now_and_then():
    time = [0.0]
    throttle = Throttle(("aiokafka",), every_s=10.0, now=lambda: time[0])
    heard = []
    for second in range(25):
        time[0] = float(second)
        heard.append(throttle.filter(record("aiokafka.client", "Unable to connect to %s", second)))
    assert [second for second, passed in enumerate(heard) if passed] == [0, 10, 20]


def test_another_message_and_our_own_are_always_heard():
    throttle = Throttle(("aiokafka",), every_s=10.0, now=lambda: 0.0)
    assert throttle.filter(record("aiokafka", "one"))
    assert throttle.filter(record("aiokafka", "two"))
    assert all(throttle.filter(record("stream.worker", "same")) for _ in range(3))


def test_a_json_line_holds_what_a_collector_asks_for():
    line = json.loads(JsonFormatter().format(record("stream.worker", "lost %s", "Kafka")))
    assert line["message"] == "lost Kafka"
    assert line["level"] == "error"
    assert line["time"].endswith("+00:00")
