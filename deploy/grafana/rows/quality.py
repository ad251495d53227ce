"""Quality: what the learner knows, and what learning online brings."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow

QUALITY = PanelRow(
    "Quality: every example is scored before it is learnt from",
    [
        Panel(
            "AUC, online beside frozen",
            "Over the same examples: the learner, and the same model as it was at its first "
            "snapshot. Their distance is what learning online brings.",
            "none",
            [PanelQuery("max by (model) (millstream_trainer_comparison_auc)", "{{model}}")],
        ),
        Panel(
            "AUC by segment",
            "Progressive, over the newest examples of each segment; GAUC is within users.",
            "none",
            [
                PanelQuery(
                    'max by (segment, task) (millstream_trainer_progressive_auc{span="window"})',
                    "{{task}}, {{segment}}",
                ),
                PanelQuery('max(millstream_trainer_progressive_gauc{span="window"})', "GAUC"),
            ],
        ),
        Panel(
            "Normalised entropy",
            "Log loss over that of always predicting the mean label: 1 knows nothing, lower is "
            "better. The gate holds snapshots back above 2.",
            "none",
            [
                PanelQuery(
                    "max by (segment, task)"
                    ' (millstream_trainer_progressive_normalised_entropy{span="window"})',
                    "{{task}}, {{segment}}",
                )
            ],
            bad_from=1,
        ),
        Panel(
            "Calibration",
            "Mean prediction over mean label; 1 is right.",
            "none",
            [
                PanelQuery(
                    "max by (segment, task)"
                    ' (millstream_trainer_progressive_calibration{span="window"})',
                    "{{task}}, {{segment}}",
                )
            ],
        ),
        Panel(
            "Drift",
            "Jensen-Shannon divergence of the newest examples from those before them: the label, "
            "the score, and the five inputs that have changed the most. 0 is as before, 1 has "
            "nothing in common.",
            "none",
            [
                PanelQuery(
                    'max by (feature) (millstream_trainer_drift_bits{feature=~"label|score"})',
                    "{{feature}}",
                ),
                PanelQuery(
                    "topk(5, max by (feature) "
                    '(millstream_trainer_drift_bits{feature!~"label|score"}))',
                    "{{feature}}",
                ),
            ],
            bad_from=0.1,
        ),
        Panel(
            "Train/serve skew",
            "Share of values that serving scored with and that differ from those recomputed from "
            "the offline store: the five features that differ the most.",
            "percentunit",
            [
                PanelQuery(
                    "topk(5, max by (feature) (millstream_trainer_skew_unequal_ratio))",
                    "{{feature}}",
                )
            ],
            bad_from=0.2,
        ),
        Panel(
            "Loss",
            "Log loss over the newest examples; and of the newest step of each learner.",
            "none",
            [
                PanelQuery(
                    'max(millstream_trainer_progressive_log_loss{segment="all",span="window"})',
                    "window",
                ),
                PanelQuery("max(millstream_trainer_loss)", "ranker, newest step"),
                PanelQuery("max(millstream_trainer_retriever_loss)", "retriever, newest step"),
            ],
        ),
        Panel(
            "Retriever's hit rate",
            "Share of positives among the first ten of the batch's candidates, before learning.",
            "percentunit",
            [
                PanelQuery("max(millstream_trainer_retriever_hit_rate)", "newest step"),
                PanelQuery('max(millstream_trainer_progressive_hit_rate{span="window"})', "window"),
            ],
            ceiling=1,
        ),
        Panel(
            "Lists before learning",
            "NDCG and HR at 20 among all items that came lately, of the newest questions: by the "
            "ranker, by the best counter, and by each source alone.",
            "none",
            [
                PanelQuery("max by (stage) (millstream_trainer_list_ndcg)", "NDCG@20, {{stage}}"),
                PanelQuery("max by (stage) (millstream_trainer_list_hr)", "HR@20, {{stage}}"),
            ],
            ceiling=1,
        ),
        Panel(
            "Questions for lists",
            "Positives per second that the trainer asks about before it learns from them.",
            "reqps",
            [PanelQuery("sum(rate(millstream_trainer_list_questions_total[5m]))", "questions")],
        ),
    ],
)
