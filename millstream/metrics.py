"""Prometheus helpers: the same buckets, names and build information in every process."""

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from millstream import __version__

# Seconds, from a tenth of a millisecond to ten minutes: for latencies and for freshness.
LATENCY_BUCKETS_S = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip


def add_build_info(process: str, registry: CollectorRegistry) -> None:
    """Export the code's version as `millstream_build_info{process, version}` 1."""
    info = Gauge(
        "millstream_build_info", "Version of the code", ["process", "version"], registry=registry
    )
    info.labels(process=process, version=__version__).set(1)


def serve_metrics(port: int, host: str, registry: CollectorRegistry) -> int:
    """Serve `/metrics` from a thread; returns the port (a free one where `port` is 0)."""
    server, _ = start_http_server(port, addr=host, registry=registry)
    return int(server.server_port)
