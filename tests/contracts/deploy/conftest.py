"""What the code declares, read from the code: metrics with their labels, settings, commands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def load_yaml(*parts: str) -> Any:
    return yaml.safe_load(DEPLOY.joinpath(*parts).read_text())


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    return load_yaml("compose.yaml")


@pytest.fixture(scope="session")
def scrape_config() -> dict[str, Any]:
    return load_yaml("prometheus", "prometheus.yml")


@pytest.fixture(scope="session")
def alerts() -> list[dict[str, Any]]:
    groups = load_yaml("prometheus", "alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="session")
def declared() -> dict[str, frozenset[str]]:
    """Every series that a worker exports, by name, with the labels it has."""
    # Here, and not above: the trainer's brings TensorFlow with it.
    from online_trainer.metrics import TrainerMetrics
    from serving.metrics import Metrics as ServingMetrics
    from stream.metrics import StreamMetrics

    registries = (
        StreamMetrics(CollectorRegistry()).registry,
        TrainerMetrics().registry,
        ServingMetrics().registry,
    )
    return {name: labels for registry in registries for name, labels in _series(registry)}


def _series(registry: CollectorRegistry) -> Iterator[tuple[str, frozenset[str]]]:
    # What has labels and was never used is in no reading of a registry: hence the private names.
    for metric in registry._collector_to_names:
        if isinstance(metric, MetricWrapperBase):
            labels = frozenset(metric._labelnames)
            for suffix in SUFFIXES[metric._type or ""]:
                yield metric._name + suffix, labels | ({"le"} if suffix == "_bucket" else set())
