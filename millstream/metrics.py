"""Prometheus helpers: the same buckets, names and build information in every process."""

from collections.abc import Iterable
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from millstream import __version__

# Seconds, from a tenth of a millisecond to ten minutes: for latencies and for freshness.
LATENCY_BUCKETS_S = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip


def add_build_info(process: str, registry: CollectorRegistry) -> None:
    """Export the code's version as `millstream_build_info{process, version}` 1."""
    info = Gauge(
        "millstream_build_info",
        "Version of the code, as a label",
        ["process", "version"],
        registry=registry,
    )
    info.labels(process=process, version=__version__).set(1)


def start_at_zero(counter: Counter, *values: Iterable[str]) -> None:
    """Export a counter's series before anything has happened: a rate needs their first value.

    >>> counter = Counter("c", "Things", ["kind", "outcome"], registry=None)
    >>> start_at_zero(counter, ["a"], ["good", "bad"])
    >>> [sample.labels["outcome"] for sample in counter.collect()[0].samples][::2]
    ['good', 'bad']

    Args:
        values: the values of each label, in the order of the labels; every combination is made.
    """
    for labels in product(*values):
        counter.labels(*labels)


def serve_metrics(port: int, host: str, registry: CollectorRegistry) -> int:
    """Serve `/metrics` from a thread; returns the port (a free one where `port` is 0)."""
    server, _ = start_http_server(port, addr=host, registry=registry)
    return int(server.server_port)
