"""The funnel: how many events get how far."""

from deploy.grafana.panels import Panel, Query, Row
from deploy.grafana.promql import rate, share

EVENTS = "millstream_stream_events_total"

FUNNEL = Row(
    "Funnel: how many events get how far (also: millstream funnel)",
    [
        Panel(
            "From events to served weights",
            "Events that came in, were valid, and counted; examples made of them, learnt, and in "
            "the served weights, per second. The lines follow one another; a stage that falls "
            "behind the one before it is where to look.",
            "cps",
            [
                Query(rate(EVENTS), "events in"),
                Query(rate(f'{EVENTS}{{outcome!="refused"}}'), "valid"),
                Query(rate(f'{EVENTS}{{outcome!~"refused|duplicate"}}'), "counted"),
                Query(rate("millstream_stream_joined_total"), "joined to a list"),
                Query(rate("millstream_stream_examples_total"), "examples"),
                Query(rate("millstream_trainer_examples_total"), "learnt"),
                Query(
                    "max(deriv(millstream_serving_snapshot_examples[5m]))", "in served weights (5m)"
                ),
            ],
        ),
        Panel(
            "Set aside",
            "Shares of the events that came in which got no further: refused (see dead-letters), "
            "duplicate, or late. A few are normal; a rise has a cause.",
            "percentunit",
            [
                Query(share(f'{EVENTS}{{outcome="{outcome}"}}', EVENTS), outcome)
                for outcome in ("refused", "duplicate", "late")
            ],
        ),
        Panel(
            "Learnt and not yet served",
            "Examples that the trainer has learnt from and the served weights do not have, by the "
            "newest snapshots; it falls to about 0 at each swap.",
            "short",
            [
                Query(
                    "max(millstream_trainer_snapshot_examples)"
                    " - min(millstream_serving_snapshot_examples)",
                    "examples",
                )
            ],
        ),
    ],
)
