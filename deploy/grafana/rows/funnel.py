"""The funnel: how many events get how far."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow
from deploy.grafana.promql import rate, share

EVENTS = "millstream_stream_events_total"

FUNNEL = PanelRow(
    "Funnel: how many events get how far (also: millstream funnel)",
    [
        Panel(
            "From events to served weights",
            "Events that came in, were valid, and counted; examples made of them, learnt, and in "
            "the served weights, per second. The lines follow one another; a stage that falls "
            "behind the one before it is where to look.",
            "cps",
            [
                PanelQuery(rate(EVENTS), "events in"),
                PanelQuery(rate(f'{EVENTS}{{outcome!="refused"}}'), "valid"),
                PanelQuery(rate(f'{EVENTS}{{outcome!~"refused|duplicate"}}'), "counted"),
                PanelQuery(rate("millstream_stream_joined_total"), "joined to a list"),
                PanelQuery(rate("millstream_stream_examples_total"), "examples"),
                PanelQuery(rate("millstream_trainer_examples_total"), "learnt"),
                PanelQuery(
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
                PanelQuery(share(f'{EVENTS}{{outcome="{outcome}"}}', EVENTS), outcome)
                for outcome in ("refused", "duplicate", "late")
            ],
        ),
        Panel(
            "Learnt and not yet served",
            "Examples that the trainer has learnt from and the served weights do not have, by the "
            "newest snapshots; it falls to about 0 at each swap.",
            "short",
            [
                PanelQuery(
                    "max(millstream_trainer_snapshot_examples)"
                    " - min(millstream_serving_snapshot_examples)",
                    "examples",
                )
            ],
        ),
    ],
)
