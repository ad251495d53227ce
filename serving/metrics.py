"""Metrics that the worker exports on `/metrics`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from millstream.domain import domain
from millstream.domain.placements import DEFAULT
from millstream.metrics import LATENCY_BUCKETS_S, add_build_info
from millstream.settings import SourceName
from millstream.snapshots.control import ACTIONS
from millstream.topics import FEATURES, ITEMS, SNAPSHOTS
from serving.admission import SHED_REASONS
from serving.fusion.fusion import Fusion
from serving.recommend.degraded import REASONS
from serving.rerank.diversity_budget import DiversityBudget

_P = "millstream_serving_"

# Stages of a list whose order is judged, beside the sources (`serving/recommend/quality.py`).
SOURCES = tuple(
    dict.fromkeys(
        name
        for names in (
            get_args(SourceName),
            *(p.sources or () for p in domain().placements.values()),
        )
        for name in names
    )
)
JUDGED = ("retrieved", "ranked", "fused", "list", "degraded", *SOURCES)
# Placements of lists; those of requests that name none are `default`.
PLACEMENTS = tuple(dict.fromkeys((DEFAULT, *domain().placements)))
STAGES = ("user", "retrieve", "rank", "rerank")


class Metrics:
    """The worker's instruments, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        add_build_info("serving", self.registry)
        self.task_failures = self._counter(
            "task_failures_total", "Restarts of background tasks, by task", "task"
        )
        self.shed = self._counter("shed_total", "Requests shed, by reason", "reason")
        self.requests = self._counter(
            "requests_total", "HTTP requests, by route and status", "route", "status"
        )
        self.request_seconds = self._histogram("request_seconds", "HTTP latency, by route", "route")
        self.stage_seconds = self._histogram(
            "stage_seconds", "Time of a recommendation, by stage", "stage"
        )
        self.candidates = self._counter("candidates_total", "Candidates, by source", "source")
        self.degraded = self._counter("degraded_total", "Degraded answers, by reason", "reason")
        self.lists = self._counter("lists_total", "Lists made, by placement", "placement")
        self.list_seconds = self._histogram(
            "list_seconds", "Time to make a list, by placement", "placement"
        )
        self.list_questions = self._counter(
            "list_questions_total", "Lists that were asked before a positive was told"
        )
        self.list_hits = self._counter(
            "list_hits_total", "Right answers among the first 20, by stage or source", "stage"
        )
        self.list_gains = self._counter(
            "list_gains_total", "Sum of NDCG@20 of the right answers, by stage or source", "stage"
        )
        self.fusion_in_use = self._gauge(
            "fusion_in_use", "1 while lists are in the fused order, 0 while in the ranker's"
        )
        self.fusion_ahead = self._gauge(
            "fusion_ahead", "Mean NDCG@20 of the fused order less that of the ranker's, of late"
        )
        self.fusion_weight = Gauge(
            f"{_P}fusion_weight",
            "Weight of a column of evidence in the fused order, in its standard deviations",
            ["column"],
            registry=self.registry,
        )
        self.diversity_share = self._gauge(
            "diversity_share", "Share of its configured strength that diversity has, for its cost"
        )
        self.events = self._counter("events_total", "Events, by outcome", "outcome")
        self.impressions = self._counter(
            "impressions_total", "Impressions logged, by outcome", "outcome"
        )
        self.untold_events = self._counter(
            "untold_events_total", "Events that another worker behind the same port had no room for"
        )
        self.feed_errors = self._counter(
            "feed_errors_total", "Messages left out, by topic", "topic"
        )
        self.snapshot_version = self._gauge("snapshot_version", "Version of the served snapshot")
        self.retriever_version = self._gauge(
            "retriever_version", "Version that the served query tower and item vectors are of"
        )
        self.snapshot_age = self._gauge("snapshot_age_seconds", "Age of the served snapshot")
        self.trained_through_age = self._gauge(
            "trained_through_age_seconds", "Age of the newest event in the served weights"
        )
        self.snapshot_examples = self._gauge(
            "snapshot_examples", "Examples learnt by the served weights"
        )
        self.swaps = self._counter("swaps_total", "Snapshot swaps, by outcome", "outcome")
        self.pinned_version = self._gauge(
            "pinned_version", "Version pinned by an operator; 0 while serving follows"
        )
        self.control = Gauge(
            f"{_P}control",
            "1 for the operator's command in force: follow, pause, pin or rollback",
            ["action"],
            registry=self.registry,
        )
        for action in ACTIONS:
            self.control.labels(action).set(action == "follow")
        self.swap_seconds = self._histogram(
            "swap_seconds", "Time to load a snapshot and swap it in"
        )
        self.items = self._gauge("items", "Items in the catalogue")
        self.items_unavailable = self._gauge(
            "items_unavailable", "Items outside of their time of availability, or not in stock"
        )
        self.index_items = self._gauge("index_items", "Items in the index")
        self.items_without_vector = self._gauge(
            "items_without_vector", "Items missing from the index: their vector is not finite"
        )
        self.index_recall = self._gauge(
            "index_recall", "Share of the best 400 items that searches find; 1 where exact"
        )
        self.event_to_weights = self._histogram(
            "event_to_weights_seconds", "Time from a probe event to served weights past it"
        )
        self.item_to_retrievable = self._histogram(
            "item_to_retrievable_seconds",
            "Time from a probe item's upsert to its place in the index",
        )
        self._begin_at_zero()

    def follow(self, fusion: Fusion, diversity: DiversityBudget) -> None:
        """Show what a fusion has learnt, and how strong diversity may be."""
        self.diversity_share.set_function(lambda: diversity.strength)
        self.fusion_in_use.set_function(lambda: float(fusion.is_better))
        self.fusion_ahead.set_function(lambda: fusion.ahead)
        for name in fusion.model.names:
            self.fusion_weight.labels(name).set_function(partial(fusion.model.weight, name))

    def _begin_at_zero(self) -> None:
        """Let what has not happened yet be 0, not absent."""
        for counter, values in (
            (self.degraded, REASONS),
            (self.candidates, SOURCES),
            (self.lists, PLACEMENTS),
            (self.list_hits, JUDGED),
            (self.list_gains, JUDGED),
            (self.events, ("accepted", "refused", "failed")),
            (self.impressions, ("sent", "failed", "dropped")),
            (self.feed_errors, (ITEMS.name, FEATURES.name, SNAPSHOTS.name)),
            (self.swaps, ("served", "failed", "rolled_back")),
            (self.shed, SHED_REASONS),
        ):
            for value in values:
                counter.labels(value)
        for stage in STAGES:
            self.stage_seconds.labels(stage)
        for placement in PLACEMENTS:
            self.list_seconds.labels(placement)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure one stage of a recommendation."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds.labels(name).observe(time.perf_counter() - begun)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(_P + name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(_P + name, text, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(_P + name, text, labels, registry=self.registry, buckets=LATENCY_BUCKETS_S)
