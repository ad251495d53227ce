"""Throughput: what flows through the loop, and what does not get through."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow
from deploy.grafana.promql import mean, quantile, rate

THROUGHPUT = PanelRow(
    "Throughput: what flows through the loop",
    [
        Panel(
            "Events by outcome",
            "Events by outcome in the stream worker. A few duplicates and late ones are normal.",
            "cps",
            [
                PanelQuery(
                    rate("millstream_stream_events_total", by="kind, outcome"),
                    "{{kind}}, {{outcome}}",
                )
            ],
        ),
        Panel(
            "Examples",
            "Published by origin, beside those that the trainer has learnt from, and interactions "
            "that reached the items' side, which makes them; some come again after a crash.",
            "cps",
            [
                PanelQuery(rate("millstream_stream_examples_total", by="origin"), "{{origin}}"),
                PanelQuery(rate("millstream_trainer_examples_total"), "learnt"),
                PanelQuery(rate("millstream_stream_joined_total"), "shown items with feedback"),
                PanelQuery(
                    rate("millstream_stream_touches_total", by="outcome"), "touches, {{outcome}}"
                ),
            ],
        ),
        Panel(
            "Feature rows",
            "Written to Redis, and appended to the Parquet part files, by view.",
            "wps",
            [
                PanelQuery(
                    rate("millstream_stream_feature_rows_total", by="view"), "{{view}}, online"
                ),
                PanelQuery(
                    rate("millstream_stream_offline_rows_total", by="view"), "{{view}}, offline"
                ),
            ],
        ),
        Panel(
            "Refused",
            "Messages in the dead letters, and rows that were not learnt from. Should be none; "
            "rows that are repeated come after a restart and are passed over.",
            "cps",
            [
                PanelQuery(
                    rate("millstream_stream_dead_letters_total", by="topic"), "stream, {{topic}}"
                ),
                PanelQuery(rate("millstream_trainer_messages_refused_total"), "trainer, messages"),
                PanelQuery(
                    rate("millstream_trainer_rows_passed_over_total", by="reason"),
                    "trainer, rows {{reason}}",
                ),
                PanelQuery(
                    rate("millstream_serving_feed_errors_total", by="topic"), "serving, {{topic}}"
                ),
            ],
        ),
        Panel(
            "Time of a batch, p99",
            "Stream: a batch of events, and its parts on Kafka and Redis. Trainer: a message.",
            "s",
            [
                PanelQuery(quantile(0.99, "millstream_stream_batch_seconds"), "stream, batch"),
                PanelQuery(quantile(0.99, "millstream_stream_publish_seconds"), "stream, to Kafka"),
                PanelQuery(quantile(0.99, "millstream_stream_commit_seconds"), "stream, to Redis"),
                PanelQuery(
                    quantile(0.99, "millstream_trainer_message_seconds"), "trainer, message"
                ),
            ],
        ),
        Panel(
            "Events in a batch",
            "How many events the stream worker takes at a time; it grows with the load.",
            "none",
            [PanelQuery(mean("millstream_stream_batch_events"), "mean")],
        ),
    ],
)
