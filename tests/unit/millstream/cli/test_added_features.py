"""What `plan` says of added features: how far back the log reaches, and how long it takes."""

import os

import pytest

from millstream.cli.added_features import added_columns, show_reach
from millstream.domain.changes import Action, Change
from millstream.errors import LogUnavailable
from millstream.settings import Settings
from stream.history import added
from stream.history.added import Reach


def change(path: str, action: Action, **after: str) -> Change:
    return Change(path, action, {}, after, {})


def test_added_features_with_a_state_are_those_that_the_log_can_fill():
    found = [
        change("user.features.events_9d", "added", family="count"),
        change("item.features.popularity", "changed", family="count"),
        change("user.features.rate", "added", family="rate"),
        change("item.attributes.brand", "added", type="string"),
        change("kinds.share", "added"),
        change("item.features.trend", "added", family="count"),
    ]
    assert added_columns(found) == ["user_events_9d", "item_trend"]


def test_plan_says_how_far_back_the_log_reaches_and_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(added, "reach", lambda settings: Reach(1e9, 50_000, 500.0))
    show_reach(Settings(_env_file=None), ["user_events_9d", "item_trend"])
    assert capsys.readouterr().out == (
        "user_events_9d, item_trend: back-filled from 50,000 messages since 2001-09-09 01:46 UTC, "
        "about 50 s on 2 cores (500 a second and core, measured on the oldest); what is older "
        "counts as the default\n"
    )
    monkeypatch.setattr(added, "reach", lambda settings: Reach(None, 0, 0.0))
    show_reach(Settings(_env_file=None), ["item_trend"])
    assert "the log is empty; values begin at their defaults" in capsys.readouterr().out


def test_a_log_that_does_not_answer_does_not_end_the_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def away(settings: Settings) -> Reach:
        raise LogUnavailable("no broker")

    monkeypatch.setattr(added, "reach", away)
    show_reach(Settings(_env_file=None), ["item_trend"])
    assert "cannot be looked at: no broker" in capsys.readouterr().out
