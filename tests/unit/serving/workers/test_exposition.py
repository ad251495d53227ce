"""One page of metrics of several workers: nothing is lost, and every sample has its owner."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from serving.workers.exposition import merged

ODD = 'a "quoted", {braced} \\ and\nbroken value'


def page(*labels: str) -> bytes:
    registry = CollectorRegistry()
    Gauge("items", 'Items, with "quotes" and {braces}', registry=registry).set(len(labels))
    asked = Counter("asked_total", "Requests", ["route"], registry=registry)
    took = Histogram("took_seconds", "Time", ["route"], registry=registry, buckets=(0.1, 1.0))
    for number, label in enumerate(labels):
        asked.labels(label).inc(number + 1)
        took.labels(label).observe(0.5)
    return generate_latest(registry)


def samples(text: bytes) -> dict:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_sample_of_every_page_is_there_once_under_its_worker():
    pages = {0: page("/", ODD), 3: page("/", "/v1/recommend", "/metrics")}
    wanted = {
        (name, labels | {("worker", str(worker))}): value
        for worker, text in pages.items()
        for (name, labels), value in samples(text).items()
    }
    assert samples(merged(pages)) == wanted


def test_a_family_stands_once_however_many_have_it():
    lines = merged({0: page("/"), 1: page(), 2: page("/")}).decode().splitlines()
    heads = [line for line in lines if line.startswith("#")]
    assert heads == [line for line in page("/").decode().splitlines() if line.startswith("#")]
    families = [line.split(" ")[2] for line in heads if line.startswith("# HELP")]
    assert len(families) == len(set(families))
