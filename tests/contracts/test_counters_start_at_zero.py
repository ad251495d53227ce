"""A counter of an incident that has not happened yet is exported: a rate needs its first value."""

import json
from itertools import product
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from online_trainer.metrics import TrainerMetrics
from serving.metrics import Metrics
from stream.metrics import KINDS, OUTCOMES, StreamMetrics

# By hand, and not from the code: what operators may meet.
INTERACTIONS = {"organic", "joined", "settled", "unlabelled", "late", "duplicate", "refused"}
UPSERTS = {"upserted", "duplicate", "refused"}
TOPICS = ("interactions", "impressions", "items", "users")
# Routes and statuses are not known before; tasks begin at 0 when they start.
OPEN = {"millstream_serving_requests_total", "millstream_serving_task_failures_total"}
VIEWS = ("user_stats", "item_stats", "user_attributes", "item_attributes")
EXPECTED = {
    "millstream_stream_events_total": {
        *product(["interaction"], INTERACTIONS),
        *product(["impression"], {"waiting", "duplicate", "refused"}),
        *product(["item"], {*UPSERTS, "deleted"}),
        *product(["user"], {*UPSERTS, "erased"}),
    },
    "millstream_stream_examples_total": {
        (each,) for each in ("organic", "impression", "sampled", "corrected")
    },
    "millstream_stream_feature_rows_total": {(each,) for each in VIEWS},
    "millstream_stream_offline_rows_total": {(each,) for each in VIEWS},
    "millstream_stream_dead_letters_total": {(each,) for each in (*TOPICS, "touches")},
    "millstream_stream_moved_total": {("interactions",), ("impressions",), ("users",)},
    "millstream_stream_trouble_total": {("kafka",), ("redis",), ("offline",)},
}
GOLDEN = Path(__file__).parents[1] / "golden" / "stream_day.json"


def exported(registry: CollectorRegistry) -> dict[str, dict[tuple[str, ...], float]]:
    """The values of each labelled counter, by the values of its labels."""
    return {
        f"{counter._name}_total": {
            tuple(sample.labels[name] for name in counter._labelnames): sample.value
            for family in counter.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }
        for counter in registry._collector_to_names
        if isinstance(counter, Counter) and counter._labelnames
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_every_label_value_is_there_at_zero(name):
    values = exported(StreamMetrics(CollectorRegistry()).registry)[name]
    assert set(values) == EXPECTED[name]
    assert set(values.values()) == {0.0}


@pytest.mark.parametrize(
    "process", [lambda: StreamMetrics(CollectorRegistry()), Metrics, TrainerMetrics]
)
def test_no_labelled_counter_of_a_process_is_absent(process):
    values = exported(process().registry)
    assert {name for name in values if not values[name]} <= OPEN


def test_what_a_day_of_events_comes_to_is_among_them():
    counts = json.loads(GOLDEN.read_text())["counts"]
    for each in counts:
        topic, _, outcome = each.partition(" ")
        assert outcome in OUTCOMES[KINDS[topic]], each
