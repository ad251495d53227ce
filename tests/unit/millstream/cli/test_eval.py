"""`millstream eval` and `millstream models`, as a person uses them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from millstream import cli
from models.catalogue import CATALOGUE
from models.evaluation import session
from models.evaluation.runs import execute


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *arguments: CliRunner().invoke(cli.cli, arguments, catch_exceptions=False)


@pytest.fixture
def data(tmp_path):
    """A schema and a file of 300 rows."""
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 9, (300, 2))
    lines = [f"u{u},i{i},{int(u % 2 == i % 2)}" for u, i in rows]
    (tmp_path / "rows.csv").write_text("\n".join(["user,item,label", *lines]))
    schema = 'files = ["rows.csv"]\ngroup = "user"\n[columns]\nuser = {}\nitem = {}\n'
    (tmp_path / "rows.toml").write_text(schema)
    return str(tmp_path / "rows.toml")


def test_runs_are_tabled_drawn_and_not_repeated(run, data, tmp_path, monkeypatch):
    out = tmp_path / "out"
    asked = ("eval", "lr", "fm", "--data", data, "--epochs", "1", "--out", str(out))
    first = run(*asked)
    assert first.exit_code == 0, first.output
    assert "AUC" in first.output and "GAUC" in first.output and "fm" in first.output
    assert {path.name for path in out.iterdir()} == {
        "runs.jsonl", "runs.csv", "summary.csv", "plot.png",
    }  # fmt: skip
    keys = [json.loads(line)["key"] for line in (out / "runs.jsonl").read_text().splitlines()]
    assert [key["model"] for key in keys] == ["lr", "fm"]
    made = []

    def counted(run, report):
        made.append((run.entry.name, run.seed))
        return execute(run, report)

    monkeypatch.setattr(session, "execute", counted)
    again = run(*asked, "--seeds", "2")
    assert again.exit_code == 0, again.output
    assert made == [("lr", 1), ("fm", 1)]
    assert "±" in again.output


def test_all_is_every_ranker_that_can_be_evaluated_so():
    rankers = {entry.name for entry in CATALOGUE if entry.task == "ranking"}
    assert {entry.name for entry in session.entries_of(["all"], "random")} == rankers
    online = {entry.name for entry in session.entries_of(["all"], "progressive")}
    assert online == rankers - {"xgboost", "gbdt_lr", "lambdamart"}
    assert [entry.name for entry in session.entries_of(["lr", "fm", "lr"], "time")] == ["lr", "fm"]


@pytest.mark.parametrize(("columns", "has_links"), [("90", False), ("160", True)])
def test_the_catalogue_is_listed(run, monkeypatch, columns, has_links):
    monkeypatch.setenv("COLUMNS", columns)
    output = run("models").output
    assert all(entry.name in output for entry in CATALOGUE)
    assert ("https://arxiv.org/abs/2008.13535" in output) is has_links


def test_one_model_tells_its_paper_and_its_options(run):
    output = run("models", "dcn_v2").output
    assert "https://arxiv.org/abs/2008.13535" in output
    assert "crosses" in output and "(256, 128)" in output
    assert "--l2, the penalty on embedding rows: 0.001" in output
    assert "--learning-rate, of Adam: 0.01" in output
    assert "Begins from" not in output


def test_a_model_that_another_is_trained_for_says_so(run):
    output = run("models", "fnn").output
    assert "--learning-rate, of Adam: 0.003" in output
    assert "Begins from a trained fm." in output


def test_trees_have_no_embedding_rows_to_penalise(run):
    output = run("models", "xgboost").output
    assert "--l2" not in output and "--learning-rate" not in output


def test_help_of_eval_gives_examples(run):
    assert "--split progressive" in run("eval", "--help").output


def test_importance_finds_the_fields_of_the_rule_and_draws_the_crosses(run, data, tmp_path):
    out = tmp_path / "out"
    asked = ("importance", "dcn_v2", "--data", data, "--epochs", "30", "--batch-size", "32")
    done = run(*asked, "--l2", "0", "--patience", "30", "--out", str(out))
    assert done.exit_code == 0, done.output
    lost = {
        field: float(drop)
        for field, drop, _ in (
            line.split(",") for line in (out / "importance.csv").read_text().splitlines()[1:]
        )
    }
    assert min(lost["user"], lost["item"]) > 0.2
    assert (out / "crosses.png").stat().st_size > 1_000


def test_importance_of_a_model_without_crosses_has_no_picture(run, data, tmp_path):
    out = tmp_path / "out"
    asked = ("importance", "fm", "--data", data, "--epochs", "1", "--out", str(out))
    assert run(*asked).exit_code == 0
    assert [path.name for path in out.iterdir()] == ["importance.csv"]
