"""Freshness: how long it takes until an event counts."""

from deploy.grafana.panels import Panel, PanelRow
from deploy.grafana.promql import quantiles

FRESHNESS = PanelRow(
    "Freshness: how long it takes until an event counts",
    [
        Panel(
            "Event to feature",
            "From a probe event's time until its features are in Redis, where serving reads them.",
            "s",
            quantiles("millstream_stream_event_to_feature_seconds"),
            bad_from=0.5,
        ),
        Panel(
            "Event to learnt",
            "From a probe event's time until the trainer has learnt past it; and from the moment "
            "that an example was published.",
            "s",
            [
                *quantiles("millstream_trainer_event_to_learnt_seconds", "event"),
                *quantiles("millstream_trainer_example_to_learnt_seconds", "example"),
            ],
        ),
        Panel(
            "Event to served weights",
            "From a probe event's time until weights that have learnt past it are served.",
            "s",
            quantiles("millstream_serving_event_to_weights_seconds"),
            bad_from=15,
        ),
        Panel(
            "Item to retrievable",
            "From a probe item's upsert until the index can return it.",
            "s",
            quantiles("millstream_serving_item_to_retrievable_seconds"),
            bad_from=5,
        ),
    ],
)
