"""Kafka and the stores: how far behind its parts are, and what they hold."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow
from deploy.grafana.promql import rate

STORES = PanelRow(
    "Kafka and the stores",
    [
        Panel(
            "Records behind",
            "Messages not yet processed: by the stream worker, in records; by the "
            "trainer, in messages.",
            "short",
            [
                PanelQuery("sum by (topic) (millstream_stream_lag_records)", "stream, {{topic}}"),
                PanelQuery("max(millstream_trainer_lag_messages)", "trainer, examples"),
            ],
            bad_from=10_000,
        ),
        Panel(
            "Time behind",
            "The clock less the stream's watermark, and less the time of the newest event learnt.",
            "s",
            [
                PanelQuery("max(millstream_stream_watermark_lag_seconds)", "stream, watermark"),
                PanelQuery("max(millstream_trainer_lag_event_seconds)", "trainer, newest event"),
            ],
        ),
        Panel(
            "Attempts that failed",
            "The stream worker tries again until Kafka or Redis answers; nothing is lost.",
            "cps",
            [PanelQuery(rate("millstream_stream_trouble_total", by="part"), "{{part}}")],
        ),
        Panel(
            "Sent by serving",
            "Logs of lists that were shown, and events from POST /v1/events. What is dropped or "
            "failed is never learnt from.",
            "cps",
            [
                PanelQuery(
                    rate("millstream_serving_impressions_total", by="outcome"),
                    "impressions {{outcome}}",
                ),
                PanelQuery(
                    rate("millstream_serving_events_total", by="outcome"), "events {{outcome}}"
                ),
            ],
        ),
        Panel(
            "In memory",
            "Entities and open lists that the stream worker holds; items that serving knows.",
            "short",
            [
                PanelQuery(
                    "sum by (entity) (millstream_stream_cached_entities)", "stream, {{entity}}s"
                ),
                PanelQuery("sum(millstream_stream_pending_impressions)", "stream, open lists"),
                PanelQuery("max(millstream_serving_items)", "serving, catalogue"),
                PanelQuery("max(millstream_serving_index_items)", "serving, index"),
                PanelQuery("max(millstream_serving_items_unavailable)", "serving, not available"),
            ],
        ),
    ],
)
