"""Bounds and losses: what memory allows, and what was given up, turned away or never read."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow
from deploy.grafana.promql import rate

BOUNDS = PanelRow(
    "Bounds and losses",
    [
        Panel(
            "Windows held",
            "For how long event ids are remembered, beside what was asked for, and how long lists "
            "waited that closed for want of memory. Below what the settings say, raise the memory.",
            "s",
            [
                PanelQuery("min(millstream_stream_dedupe_window_held_seconds)", "event ids, held"),
                PanelQuery("max(millstream_stream_dedupe_window_seconds)", "event ids, asked for"),
                PanelQuery("min(millstream_stream_join_window_held_seconds)", "lists, held"),
            ],
        ),
        Panel(
            "Memory of the windows",
            "What remembered event ids and lists that wait take in the stream worker.",
            "bytes",
            [
                PanelQuery("sum(millstream_stream_dedupe_bytes)", "event ids"),
                PanelQuery("sum(millstream_stream_join_bytes)", "lists"),
            ],
        ),
        Panel(
            "Lists closed",
            "Windows of lists that are over, by reason: the watermark, silence, or want of memory.",
            "cps",
            [PanelQuery(rate("millstream_stream_lists_closed_total", by="reason"), "{{reason}}")],
        ),
        Panel(
            "Turned away",
            "Requests that were shed before they were worked on, by reason; and restarts of "
            "serving's background tasks, of which there should be none.",
            "cps",
            [
                PanelQuery(rate("millstream_serving_shed_total", by="reason"), "{{reason}}"),
                PanelQuery(
                    rate("millstream_serving_task_failures_total", by="task"), "restart, {{task}}"
                ),
            ],
        ),
        Panel(
            "Never read",
            "Messages that the broker had removed before they were read, changes of a log under "
            "its reader, and messages that Kafka refuses for good. None is well.",
            "cps",
            [
                PanelQuery(
                    rate("millstream_stream_left_out_offsets_total", by="topic"), "gap, {{topic}}"
                ),
                PanelQuery(
                    rate("millstream_stream_missed_records_total", by="topic"), "missed, {{topic}}"
                ),
                PanelQuery(rate("millstream_trainer_missed_messages_total"), "missed, examples"),
                PanelQuery(
                    rate("millstream_stream_log_changes_total", by="topic, change"),
                    "{{topic}}: {{change}}",
                ),
                PanelQuery(
                    rate("millstream_trainer_log_changes_total", by="change"),
                    "examples: {{change}}",
                ),
                PanelQuery(rate("millstream_stream_dropped_total", by="topic"), "drop, {{topic}}"),
            ],
        ),
        Panel(
            "Left aside",
            "Events with fields that nothing takes, events moved to the partition of their user, "
            "columns in which messages of examples differ from the present features, and feedback "
            "that came after the window of its task.",
            "cps",
            [
                PanelQuery(
                    rate("millstream_stream_late_feedback_total", by="task"), "late, {{task}}"
                ),
                PanelQuery(rate("millstream_stream_moved_total", by="topic"), "moved, {{topic}}"),
                PanelQuery(rate("millstream_stream_unknown_fields_total"), "events, unknown"),
                PanelQuery(
                    rate("millstream_trainer_other_columns_total", by="difference"),
                    "examples, {{difference}}",
                ),
            ],
        ),
        Panel(
            "At work",
            "Stream workers that read, and the shards that they have: the partitions of users and "
            "one more for the items; items that the index lacks, as their vector "
            "is not finite; and the operator's command in force.",
            "short",
            [
                PanelQuery("sum(millstream_stream_ready)", "stream workers"),
                PanelQuery("sum(millstream_stream_shards)", "shards"),
                PanelQuery("max(millstream_serving_items_without_vector)", "without a vector"),
                PanelQuery("max by (action) (millstream_serving_control)", "{{action}}"),
            ],
        ),
    ],
)
