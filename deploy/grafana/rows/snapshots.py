"""Snapshots: from the trainer to the served weights."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow
from deploy.grafana.promql import quantile, rate

SNAPSHOTS = PanelRow(
    "Snapshots: from the trainer to the served weights",
    [
        Panel(
            "Version",
            "Newest that the trainer published, and that each worker serves. They move together, "
            "unless an operator has chosen one (0: none).",
            "none",
            [
                PanelQuery("max(millstream_trainer_snapshot_version)", "published"),
                PanelQuery("millstream_serving_snapshot_version", "served by {{instance}}"),
                PanelQuery(
                    "millstream_serving_retriever_version", "vectors served by {{instance}}"
                ),
                PanelQuery("max(millstream_serving_pinned_version)", "chosen"),
            ],
        ),
        Panel(
            "Age",
            "Age of the newest published snapshot, of the served one, and of its newest event.",
            "s",
            [
                PanelQuery(
                    "time() - max(millstream_trainer_snapshot_created_timestamp_seconds)",
                    "published",
                ),
                PanelQuery("max(millstream_serving_snapshot_age_seconds)", "served"),
                PanelQuery(
                    "max(millstream_serving_trained_through_age_seconds)", "newest event in it"
                ),
            ],
            bad_from=120,
        ),
        Panel(
            "Recall of the index",
            "Share of the items that an exact search brings which the index brings too, by a probe "
            "of the served vectors. Below .98 lists miss candidates: raise MILLSTREAM_INDEX_SHARE.",
            "percentunit",
            [PanelQuery("min(millstream_serving_index_recall)", "recall")],
        ),
        Panel(
            "Outcomes",
            "Snapshots written by status (held: refused by the gate), gone back to (rolled_back: "
            "the served one turned bad), not written, and swapped in.",
            "cps",
            [
                PanelQuery(rate("millstream_trainer_snapshots_total", by="status"), "{{status}}"),
                PanelQuery(rate("millstream_trainer_snapshots_failed_total"), "not written"),
                PanelQuery(
                    rate("millstream_serving_swaps_total", by="outcome"), "serving: {{outcome}}"
                ),
            ],
        ),
        Panel(
            "Time of a snapshot, p99",
            "Time that a snapshot stops training, takes to write, and takes to load into serving.",
            "s",
            [
                PanelQuery(quantile(0.99, "millstream_trainer_snapshot_taking_seconds"), "taking"),
                PanelQuery(
                    quantile(0.99, "millstream_trainer_snapshot_writing_seconds"), "writing"
                ),
                PanelQuery(
                    quantile(0.99, "millstream_serving_swap_seconds"), "loading and swapping"
                ),
            ],
        ),
        Panel(
            "Changed model",
            "How much worse a ranker or retriever that is warmed up is than the served one on the "
            "same newest examples, with the interval, and the share of them that is there.",
            "none",
            [
                PanelQuery(
                    "max by (role, measure, end) (millstream_trainer_challenger_worse_by)",
                    "{{role}}: {{measure}}, {{end}}",
                ),
                PanelQuery(
                    "max by (role) (millstream_trainer_challenger_compared_ratio) > 0",
                    "{{role}}: compared",
                ),
            ],
        ),
        Panel(
            "Warming up",
            "Messages that a changed model has not learnt from yet, and changed models that took "
            "over within the last day.",
            "short",
            [
                PanelQuery(
                    "max by (role) (millstream_trainer_challenger_behind_messages)",
                    "{{role}}: behind",
                ),
                PanelQuery(
                    "sum by (role) (increase(millstream_trainer_challenger_promotions_total[1d]))",
                    "{{role}}: took over",
                ),
            ],
        ),
        Panel(
            "Size on disk",
            "Size of the newest full snapshot and of the newest delta.",
            "bytes",
            [PanelQuery("max by (kind) (millstream_trainer_snapshot_bytes)", "{{kind}}")],
        ),
        Panel(
            "Ids with a row",
            "In the tables of each learner; grows with new ids, falls when dead ones expire.",
            "short",
            [PanelQuery("max by (role) (millstream_trainer_table_rows)", "{{role}}")],
        ),
    ],
)
