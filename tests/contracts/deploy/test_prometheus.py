"""Prometheus reads every worker where it listens, and alerts on what is exported."""

import re
import shutil
import subprocess

import pytest

from millstream.settings import Settings
from tests.contracts.deploy.conftest import DEPLOY, ROOT
from tests.contracts.deploy.promql import faults, grouping, series

FOLDER = DEPLOY / "prometheus"
PORTS = {
    "stream": "stream_metrics_port",
    "trainer": "trainer_metrics_port",
    "serving": "serving_port",
}


@pytest.fixture
def targets(scrape_config):
    """(service, port) by the job's name."""
    return {
        job["job_name"]: (job["dns_sd_configs"][0]["names"][0], job["dns_sd_configs"][0]["port"])
        for job in scrape_config["scrape_configs"]
        if "dns_sd_configs" in job
    }


def test_every_worker_is_read_on_its_default_port(targets):
    assert targets == {
        job: (job, Settings.model_fields[name].default) for job, name in PORTS.items()
    }


def test_every_target_is_a_service_of_the_compose_file(targets, compose):
    assert {service for service, _ in targets.values()} <= set(compose["services"])


def test_a_reading_ends_before_the_next_begins(scrape_config):
    seconds = {
        name: int(scrape_config["global"][name].removesuffix("s"))
        for name in ("scrape_interval", "scrape_timeout")
    }
    assert seconds["scrape_timeout"] < seconds["scrape_interval"]


def test_the_rule_files_are_there(scrape_config):
    assert [name for name in scrape_config["rule_files"] if not (FOLDER / name).is_file()] == []


def test_the_configuration_is_mounted_where_prometheus_looks(compose):
    prometheus = compose["services"]["prometheus"]
    assert "./prometheus:/etc/prometheus:ro" in prometheus["volumes"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in prometheus["command"]


def test_every_alert_reads_series_and_labels_that_are_exported(alerts, declared):
    wrong = {rule["alert"]: found for rule in alerts if (found := faults(rule["expr"], declared))}
    assert wrong == {}


def test_every_alert_says_what_is_wrong_how_bad_it_is_and_what_to_do(alerts):
    for rule in alerts:
        name = rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket"), name
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}, name
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
        assert "for" in rule, name


def test_every_alert_has_a_section_in_the_runbook(alerts):
    text = (ROOT / "docs" / "operations.md").read_text()
    assert re.findall(r"^#### (Millstream\w+)$", text, re.MULTILINE) == [r["alert"] for r in alerts]


def test_a_request_is_slow_when_it_takes_more_than_its_budget(alerts):
    (rule,) = [rule for rule in alerts if rule["alert"] == "MillstreamServingSlow"]
    budget_s = Settings.model_fields["request_budget_ms"].default / 1000
    assert rule["expr"].rstrip().endswith(f"> {budget_s:g}")


def test_alerts_have_names_of_their_own(alerts):
    names = [rule["alert"] for rule in alerts]
    assert len(names) == len(set(names))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")
@pytest.mark.parametrize(
    "task", [("check", "config", "prometheus.yml"), ("test", "rules", "alerts_test.yml")]
)
def test_prometheus_itself_agrees(task):
    done = subprocess.run(["promtool", *task], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("expr", "names", "by"),
    [
        (
            "sum by (job) (rate(millstream_a_total{kind='x'}[5m])) > 3",
            {"millstream_a_total"},
            {"job"},
        ),
        ("up{job='s'} == 0 and on(instance) millstream_b", {"up", "millstream_b"}, {"instance"}),
    ],
)
def test_expressions_are_read(expr, names, by):
    assert {name for name, _ in series(expr)} == names
    assert grouping(expr) == by


def test_an_expression_with_a_wrong_name_or_label_is_found_out():
    declared = {"millstream_a_total": frozenset({"kind"})}
    assert faults("rate(millstream_a_total{kind='x'}[1m])", declared) == []
    assert faults("rate(millstream_b_total[1m])", declared) == ["no series millstream_b_total"]
    assert faults("millstream_a_total{sort='x'}", declared) == [
        "no label sort on millstream_a_total"
    ]
    assert faults("sum by (sort) (millstream_a_total)", declared) == ["no label sort to group by"]
