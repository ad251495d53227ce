"""The Grafana dashboard shows what the workers export, completely described and well laid out."""

import json
import re
from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from deploy.grafana.__main__ import TARGET, rendered
from tests.contracts.deploy.conftest import load_yaml
from tests.contracts.deploy.promql import faults, series

Panel = dict[str, Any]


@pytest.fixture(scope="module")
def panels() -> list[Panel]:
    return json.loads(TARGET.read_text())["panels"]


@pytest.fixture(scope="module")
def pictures(panels) -> list[Panel]:
    """Panels, without the titles of rows."""
    return [panel for panel in panels if panel["type"] != "row"]


@pytest.fixture(scope="module")
def expressions(pictures) -> list[str]:
    return [target["expr"] for panel in pictures for target in panel["targets"]]


def test_the_file_is_what_the_code_makes():
    assert TARGET.read_text() == rendered(), "run: python -m deploy.grafana"


def test_every_expression_reads_series_and_labels_that_are_exported(expressions, declared):
    wrong = {expr: found for expr in expressions if (found := faults(expr, declared))}
    assert wrong == {}


def test_whatever_a_worker_exports_is_drawn_or_watched(expressions, alerts, declared):
    """A figure that nobody is shown is measured for nothing; the version is a label to join by."""
    texts = [*expressions, *(rule["expr"] for rule in alerts)]
    read = {_family(name) for text in texts for name, _ in series(text)}
    assert {_family(name) for name in declared} - read == {"millstream_build_info"}


def _family(name: str) -> str:
    return re.sub("_(bucket|sum|count)$", "", name)


def test_ids_are_unique(panels):
    assert max(Counter(panel["id"] for panel in panels).values()) == 1


def test_no_panel_covers_another(panels):
    for one, other in combinations(panels, 2):
        a, b = one["gridPos"], other["gridPos"]
        apart_x = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        apart_y = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart_x or apart_y, (one["title"], other["title"])


def test_every_panel_is_within_the_grid(panels):
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["w"] > 0 and place["x"] + place["w"] <= 24


def test_every_picture_says_what_it_shows_and_in_which_unit(pictures):
    for panel in pictures:
        assert panel["title"] and len(panel["description"]) > 20, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


def test_a_red_line_is_where_an_alert_fires(pictures, alerts):
    """A limit in a picture is one that some alert on the same series compares with."""
    for panel in pictures:
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        read = {name for target in panel["targets"] for name, _ in series(target["expr"])}
        if steps[-1]["color"] != "red" or "ALERTS" in read:
            continue
        own = [rule["expr"] for rule in alerts if read & {name for name, _ in series(rule["expr"])}]
        limits = {float(limit) for expr in own for limit in re.findall(r"> ([\d.]+)", expr)}
        assert steps[-1]["value"] in limits, panel["title"]


def test_titles_are_unique(pictures):
    assert max(Counter(panel["title"] for panel in pictures).values()) == 1


def test_the_data_source_is_the_provisioned_one(pictures):
    (source,) = load_yaml("grafana", "provisioning", "datasources", "prometheus.yaml")[
        "datasources"
    ]
    used = {target["datasource"]["uid"] for panel in pictures for target in panel["targets"]}
    assert used == {source["uid"]}


def test_the_data_source_knows_how_often_prometheus_reads(scrape_config):
    (source,) = load_yaml("grafana", "provisioning", "datasources", "prometheus.yaml")[
        "datasources"
    ]
    assert source["jsonData"]["timeInterval"] == scrape_config["global"]["scrape_interval"]


def test_the_dashboard_is_provisioned_from_where_it_is_mounted(compose):
    (provider,) = load_yaml("grafana", "provisioning", "dashboards", "millstream.yaml")["providers"]
    folder = provider["options"]["path"]
    grafana = compose["services"]["grafana"]
    assert f"./grafana/dashboards:{folder}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/{TARGET.name}"
