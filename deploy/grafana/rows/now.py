"""Now: how things are at this moment."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow
from deploy.grafana.promql import quantile, rate

NOW = PanelRow(
    "Now",
    [
        Panel(
            "Alerts firing",
            "Alerts of deploy/prometheus/alerts.yml that fire now; what to do: docs/operations.md.",
            "none",
            [PanelQuery('count(ALERTS{alertstate="firing"}) or vector(0)', "firing")],
            kind="stat",
            bad_from=1,
        ),
        Panel(
            "Events processed",
            "Events of all kinds that the stream worker has finished, per second.",
            "cps",
            [PanelQuery(rate("millstream_stream_events_total"), "events")],
            kind="stat",
        ),
        Panel(
            "Event to served weights, p99",
            "From a probe event until weights that have learnt past it are served.",
            "s",
            [PanelQuery(quantile(0.99, "millstream_serving_event_to_weights_seconds"), "p99")],
            kind="stat",
            bad_from=15,
        ),
        Panel(
            "AUC gained by learning online",
            "Progressive AUC of the learner less that of the same model, frozen at its start.",
            "none",
            [
                PanelQuery(
                    'max(millstream_trainer_comparison_auc{model="online"})'
                    ' - max(millstream_trainer_comparison_auc{model="frozen"})',
                    "online - frozen",
                )
            ],
            kind="stat",
            good_from=0,
        ),
        Panel(
            "Requests",
            "Requests to the API, answered by all serving workers, per second.",
            "reqps",
            [PanelQuery(rate('millstream_serving_requests_total{route=~"/v1/.*"}'), "requests")],
            kind="stat",
        ),
        Panel(
            "Age of the served snapshot",
            "The oldest that any serving worker serves. A new one comes every few seconds.",
            "s",
            [PanelQuery("max(millstream_serving_snapshot_age_seconds)", "age")],
            kind="stat",
            bad_from=120,
        ),
    ],
)
