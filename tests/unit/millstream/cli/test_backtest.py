"""`millstream backtest` from the command line, with the baselines alone."""

import json

import click
import pytest
from click.testing import CliRunner

from millstream.cli.backtest import backtest
from millstream.errors import ConfigurationError
from simulation import command
from tests.support.small_log import small_log


@pytest.fixture
def clicks(tmp_path):
    log = small_log()
    events = map(log.event, range(len(log)))
    lines = [
        f"{e.user_id},{e.item_id},{e.event_time},{s}"
        for e, s in zip(events, log.sessions, strict=True)
    ]
    path = tmp_path / "clicks.csv"
    path.write_text("\n".join(["user_id,article,ts,session_id", *lines]))
    return path


def test_a_log_with_other_column_names_gives_tables_a_page_and_json(clicks, tmp_path):
    options = ["--column", "item_id=article", "--column", "event_time=ts"]
    options += ["--column", "session_id=session_id", "--ask", "session-last", "--no-loop"]
    out = tmp_path / "out"
    done = CliRunner().invoke(
        backtest, [str(clicks), *options, "--k", "3", "--out", str(out)], catch_exceptions=False
    )
    assert done.exit_code == 0
    found = json.loads((out / "report.json").read_text())
    assert found["questions"] == 40 and found["quality"]["co-occurrence"]["HR@3"] > 0.8
    assert "co-occurrence" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "article"], "FIELD one of user_id, .*Received: 'article'"),
        (["--snapshot-every", "soon"], "such as 30s, 5m, 24h or 7d. Received: 'soon'"),
        (["--baseline", "luck"], "Expected a baseline: .*Received: 'luck'"),
        (["--segment", "age"], "item.NAME or context.NAME. Received: 'age'"),
        (["--compare", "speed=9"], "Expected a setting. Received: 'speed'"),
    ],
)
def test_what_is_wrong_with_an_option_is_said(clicks, options, message):
    names = ["--column", "item_id=article", "--column", "event_time=ts", "--no-loop"]
    with pytest.raises(ConfigurationError, match=message):
        CliRunner().invoke(backtest, [str(clicks), *names, *options], catch_exceptions=False)


def test_columns_divide_figures_and_nothing_is_left_behind(clicks, tmp_path):
    """The baselines alone: the loop's tables are empty, and so is the folder but for the report."""
    options = ["--column", "item_id=article", "--column", "event_time=ts", "--no-loop"]
    options += ["--column", "context.person=user_id", "--segment", "context.person"]
    out = tmp_path / "out"
    CliRunner().invoke(
        backtest, [str(clicks), *options, "--resume", "--out", str(out)], catch_exceptions=False
    )
    assert {path.name for path in out.iterdir()} == {"answers.csv", "report.html", "report.json"}
    assert json.loads((out / "report.json").read_text())["attributes"] == {"context.person": {}}


def test_files_of_settings_are_told_from_logs(clicks, tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(command, "run", taken.append)
    paths = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for path in paths:
        path.write_text("batch_size = 8")
    one, two = map(str, paths)
    CliRunner().invoke(backtest, [str(clicks), "--compare", one, two], catch_exceptions=False)
    assert taken[0].compared == [one, two] and list(taken[0].log.files) == [clicks]


@pytest.mark.parametrize("given", [[], ["--topics", "clicks.csv"]])
def test_a_log_comes_from_files_or_from_topics(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clicks.csv").write_text("")
    with pytest.raises(click.UsageError, match=r"either FILE... or --topics"):
        CliRunner().invoke(backtest, given, catch_exceptions=False, standalone_mode=False)
