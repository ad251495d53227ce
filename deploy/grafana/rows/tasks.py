"""Tasks: each thing that the ranker learns, by itself."""

from deploy.grafana.panels import Panel, PanelQuery, PanelRow

_OF_ALL = '{segment="all",span="window"}'


def _by_task(metric: str) -> PanelQuery:
    return PanelQuery(
        f"max by (task) (millstream_trainer_progressive_{metric}{_OF_ALL})", "{{task}}"
    )


TASKS = PanelRow(
    "Tasks: what the ranker learns of each shown item",
    [
        Panel(
            "AUC by task",
            "Progressive, over the newest examples of each task that says yes or no.",
            "none",
            [_by_task("auc")],
        ),
        Panel(
            "Accuracy by task",
            "Share of the newest examples of a multi-class task whose class was the likeliest.",
            "percentunit",
            [_by_task("accuracy")],
        ),
        Panel(
            "Normalised entropy by task",
            "1 knows nothing of the task, lower is better.",
            "none",
            [_by_task("normalised_entropy")],
            bad_from=1,
        ),
        Panel(
            "Calibration by task",
            "Mean score over mean label of each task; 1 is right. A score formula takes scores as "
            "they are. Of a task whose late positives are corrected, above 1 where its loss does.",
            "none",
            [_by_task("calibration")],
        ),
        Panel(
            "Error of predicted numbers",
            "Root of the mean squared error of tasks that predict numbers, and over that of the "
            "mean label, which is to be below 1.",
            "none",
            [
                _by_task("rmse"),
                PanelQuery(
                    f"max by (task) (millstream_trainer_progressive_relative_rmse{_OF_ALL})",
                    "{{task}}, relative",
                ),
            ],
        ),
    ],
)
