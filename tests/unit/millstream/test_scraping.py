"""Reading `/metrics`: what Prometheus would have said."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from millstream.metrics import serve_metrics
from millstream.scraping import Scrape, histogram_quantile


@pytest.fixture
def registry():
    registry = CollectorRegistry()
    events = Counter("events", "Events", ["kind", "outcome"], registry=registry)
    events.labels("click", "ok").inc(3)
    events.labels("click", "late").inc(1)
    events.labels("view", "ok").inc(5)
    Gauge("age_seconds", "Age", registry=registry).set(float("nan"))
    latency = Histogram("latency_seconds", "Latency", buckets=[1, 2, 4], registry=registry)
    for value in (0.5, 1.5, 1.5, 3.0):
        latency.observe(value)
    return registry


@pytest.fixture
def scrape(registry):
    return Scrape.parse(generate_latest(registry).decode())


def test_totals_sum_over_the_labels_that_were_not_named(scrape):
    assert scrape.total("events_total") == 9
    assert scrape.total("events_total", kind="click") == 4
    assert scrape.total("unknown_total") == 0


def test_what_came_since_an_earlier_reading_is_counted_alone(registry, scrape):
    latency = next(c for c in registry._collector_to_names if "latency_seconds" in str(c._name))
    for value in (3.5, 3.5):
        latency.observe(value)
    since = Scrape.parse(generate_latest(registry).decode()).since(scrape)
    assert since.total("latency_seconds_count") == 2
    assert since.quantile("latency_seconds", 0.5) == pytest.approx(3.0)
    assert since.total("events_total") == 0


def test_a_value_that_is_not_a_number_is_no_value(scrape):
    assert scrape.value("age_seconds") is None
    assert scrape.value("events_total", kind="view") == 5


def test_the_median_lies_inside_its_bucket_in_proportion(scrape):
    assert scrape.quantile("latency_seconds", 0.5) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("buckets", "q", "expected"),
    [
        ([], 0.5, None),
        ([(1.0, 0), (float("inf"), 0)], 0.5, None),
        ([(1.0, 0), (float("inf"), 4)], 0.5, 1.0),
        ([(1.0, 4), (2.0, 4), (float("inf"), 4)], 1.0, 1.0),
    ],
)
def test_quantiles_at_the_edges(buckets, q, expected):
    assert histogram_quantile(buckets, q) == expected


def test_a_process_is_read_over_http_and_a_missing_one_is_empty(registry):
    port = serve_metrics(0, "127.0.0.1", registry)
    assert Scrape.of(f"http://127.0.0.1:{port}/metrics").total("events_total") == 9
    assert Scrape.of("http://127.0.0.1:1/metrics", timeout_s=0.2).total("events_total") == 0
