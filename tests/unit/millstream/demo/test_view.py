"""What the demo shows: the live view and the report, from given readings."""

import io

import pytest
from rich.console import Console

from millstream.demo.metrics_poller import FRESHNESS, MetricsPoller, MetricsSample
from millstream.demo.report import draw_auc, print_report
from millstream.demo.scenario import Scenario
from millstream.demo.view import render, sparkline
from simulation.live_judge import ListQuality


def sample(second: int, **changes) -> MetricsSample:
    values = {
        "at_s": float(second),
        "events": 1_000.0 * second,
        "examples": 900.0 * second,
        "loss": 0.6,
        "auc_online": 0.6 + 0.01 * second,
        "auc_frozen": 0.6,
        "compared": 900.0 * second,
        "trained_version": 3.0,
        "served_version": 2.0,
        "snapshot_age_s": 1.5,
        "trained_through_age_s": 2.0,
        "table_rows": 1_234.0,
        "freshness_s": dict.fromkeys(FRESHNESS, (0.05, 1.5)),
    }
    return MetricsSample(**{**values, **changes})


def shown(*parts) -> str:
    out = io.StringIO()
    Console(file=out, width=120).print(*parts)
    return out.getvalue()


@pytest.fixture
def poller():
    watching = MetricsPoller({})
    watching.samples = [sample(second) for second in range(8)]
    return watching


def test_the_view_shows_rates_versions_both_curves_and_freshness(poller):
    text = shown(render(poller, sent=500, total=1_000, phase="Streaming"))
    for expected in ("500 of 1,000", "1,000", "900", "1,234", "0.6700", "0.6000", "50 ms", "1.5 s"):
        assert expected in text


def test_before_the_first_reading_the_view_says_what_is_going_on():
    assert "Starting" in shown(render(MetricsPoller({}), 0, 10, "Starting"))


def test_missing_values_are_dashes(poller):
    poller.samples.append(sample(8, auc_online=None, trained_version=None))
    assert "–" in shown(render(poller, 1, 2, "x"))


def test_it_is_quiet_when_all_events_are_in_and_examples_stand_still(poller):
    assert not poller.is_quiet(1_000)
    poller.samples = [sample(second, events=7_000.0, examples=5.0) for second in range(6)]
    assert poller.is_quiet(7_000)
    assert not poller.is_quiet(7_001)


def test_a_long_curve_is_thinned_to_the_width():
    assert len(sparkline([0.6] * 1_000, points=60)) == 60


def test_the_report_tells_the_margin_and_marks_what_is_new_in_the_list(poller, tmp_path):
    before = [{"item_id": "1", "title": "Old"}, {"item_id": "2", "title": "Kept"}]
    after = [{"item_id": "3", "title": "New"}, {"item_id": "2", "title": "Kept"}]
    scenario = Scenario("42", "Horror", "rating 5", before, after, 3.0, {"3": ["Horror"]})
    out = io.StringIO()
    quality = ListQuality(1_234, 10, {"Millstream": 0.125, "popular-7d": 0.1, "clicks-30m": 0.11})
    picture = tmp_path / "auc.png"
    print_report(Console(file=out, width=120), poller.samples, scenario, picture, quality)
    for expected in (
        "online 0.6700",
        "frozen 0.6000",
        "+0.0700",
        "User 42",
        "events `rating 5` of Horror",
        "New",
        "Horror",
        "1,234 lists",
        "0.1250",
        "clicks-30m",
    ):
        assert expected in out.getvalue()


def test_the_picture_is_a_png_of_both_curves(poller, tmp_path):
    draw_auc(poller.samples, tmp_path / "auc.png")
    assert (tmp_path / "auc.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_comparison_the_picture_is_still_drawn(tmp_path):
    draw_auc([sample(0, auc_online=None)], tmp_path / "auc.png")
    assert (tmp_path / "auc.png").exists()
