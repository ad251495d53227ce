"""`millstream backtest` from the command line, with the baselines alone."""

import json

import pytest
from click.testing import CliRunner

from millstream.cli.backtest import backtest
from millstream.errors import ConfigurationError
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
    ],
)
def test_what_is_wrong_with_an_option_is_said(clicks, options, message):
    names = ["--column", "item_id=article", "--column", "event_time=ts", "--no-loop"]
    with pytest.raises(ConfigurationError, match=message):
        CliRunner().invoke(backtest, [str(clicks), *names, *options], catch_exceptions=False)
