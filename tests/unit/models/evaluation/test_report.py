"""What runs came to: means, spreads, tables, files, a picture."""

import csv
from statistics import fmean, stdev

import pytest
from rich.console import Console

from models.evaluation.plot import draw
from models.evaluation.report import summaries, table, write_csv
from models.evaluation.results import Result


def result(model, seed, auc, curve=(), **metrics):
    key = {"model": model, "dataset": "planted", "split": "random", "seed": seed}
    return Result(key, {"auc": auc, "log_loss": 0.5, **metrics}, 3, 2.0, 100.0, list(curve))


RUNS = [
    result("lr", 0, 0.70),
    result("lr", 1, 0.72),
    result("deepfm", 0, 0.80, gauc=0.6),
    result("deepfm", 1, 0.83, gauc=None),
]


def lines(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_summary_is_mean_and_spread_over_the_runs_of_a_model_best_first():
    best, other = summaries(RUNS)
    assert (best.model, best.runs, other.model) == ("deepfm", 2, "lr")
    assert best.figures["auc"].mean == pytest.approx(fmean([0.80, 0.83]))
    assert best.figures["auc"].deviation == pytest.approx(stdev([0.80, 0.83]))
    assert best.figures["gauc"] == (0.6, None)
    assert "gauc" not in other.figures


def test_the_table_shows_what_there_is():
    console = Console(record=True, width=120)
    console.print(table(summaries(RUNS), "planted"))
    text = console.export_text()
    assert "0.8150 ± 0.0212" in text
    assert "–" in text  # no GAUC of `lr`
    assert "100" in text
    console.print(table(summaries([result("lr", 0, 0.7)]), "planted"))
    assert "GAUC" not in console.export_text()


def test_the_csv_files_hold_every_run_and_every_summary(tmp_path):
    write_csv(RUNS, summaries(RUNS), tmp_path)
    runs = lines(tmp_path / "runs.csv")
    assert [(row["model"], row["seed"], float(row["auc"])) for row in runs] == [
        (run.model, str(run.key["seed"]), run.metrics["auc"]) for run in RUNS
    ]
    assert runs[0]["gauc"] == runs[3]["gauc"] == ""
    best, _ = lines(tmp_path / "summary.csv")
    assert float(best["auc_deviation"]) == pytest.approx(stdev([0.80, 0.83]))
    assert (best["gauc"], best["gauc_deviation"]) == ("0.6", "")


@pytest.mark.parametrize("curve", [(), [(10, 0.5), (20, 0.7)]])
def test_a_picture_is_drawn(tmp_path, curve):
    runs = [result("lr", 0, 0.7, curve), result("lr", 1, 0.7, curve), result("fm", 0, 0.8, curve)]
    draw(runs, summaries(runs), "planted", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
