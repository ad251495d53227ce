"""Rows of panels as data, and the JSON that Grafana makes of them.

Positions, ids and colours follow from the order, so that a panel is what it shows and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]

DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
# Grafana's grid has 24 columns.
COLUMNS = 24
TITLE_HEIGHT = 1
HEIGHTS = {"stat": 4, "timeseries": 8}
MOST_IN_A_LINE = {"stat": 6, "timeseries": 4}
SCHEMA_VERSION = 39


@dataclass(frozen=True)
class PanelQuery:
    """One PromQL expression and the name of its lines."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One picture.

    Args:
        description: what it shows, and what a healthy one looks like.
        unit: Grafana's name of the unit ("s", "reqps", "percentunit", "short").
        kind: `stat` is the present value in large figures.
        bad_from: values from here on are bad: a red line, or a red figure.
        good_from: values below are bad.
        ceiling: the highest value that there can be.
    """

    title: str
    description: str
    unit: str
    queries: Sequence[PanelQuery]
    kind: Literal["timeseries", "stat"] = "timeseries"
    bad_from: float | None = None
    good_from: float | None = None
    ceiling: float | None = None


@dataclass(frozen=True)
class PanelRow:
    """Panels of one kind under one title, in lines of even length."""

    title: str
    panels: Sequence[Panel]


def dashboard(uid: str, title: str, rows: Sequence[PanelRow]) -> Json:
    """The dashboard in Grafana's JSON model."""
    return {
        "uid": uid,
        "title": title,
        "tags": ["millstream"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "utc",
        "panels": [{"id": number, **panel} for number, panel in enumerate(_laid_out(rows), 1)],
    }


def _laid_out(rows: Sequence[PanelRow]) -> Iterator[Json]:
    y = 0
    for row in rows:
        yield {
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": TITLE_HEIGHT},
        }
        y += TITLE_HEIGHT
        for line in _lines(row.panels):
            width, height = COLUMNS // len(line), HEIGHTS[line[0].kind]
            for place, panel in enumerate(line):
                position = {"x": place * width, "y": y, "w": width, "h": height}
                yield {**_panel(panel), "gridPos": position}
            y += height


def _lines(panels: Sequence[Panel]) -> Iterator[Sequence[Panel]]:
    """Lines of at most `MOST_IN_A_LINE`, the first ones longer by one where it does not divide."""
    count = -(-len(panels) // MOST_IN_A_LINE[panels[0].kind])
    short, longer = divmod(len(panels), count)
    start = 0
    for number in range(count):
        end = start + short + (number < longer)
        yield panels[start:end]
        start = end


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "targets": [_target(query, "ABCDEFGH"[n]) for n, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }


def _target(query: PanelQuery, letter: str) -> Json:
    return {
        "refId": letter,
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
    }


def _defaults(panel: Panel) -> Json:
    bounds = {} if panel.ceiling is None else {"max": panel.ceiling}
    return {
        "unit": panel.unit,
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        "custom": {
            "fillOpacity": 8,
            "lineWidth": 2,
            "showPoints": "never",
            "thresholdsStyle": {"mode": "off" if _limit(panel) is None else "line"},
        },
        "thresholds": {"mode": "absolute", "steps": _steps(panel)},
        **bounds,
    }


def _steps(panel: Panel) -> list[Json]:
    """Grafana's thresholds: a colour from a value upwards; the first holds from below."""
    limit = _limit(panel)
    if limit is None:
        return [{"color": "blue", "value": None}]
    below, above = ("green", "red") if panel.good_from is None else ("red", "green")
    return [{"color": below, "value": None}, {"color": above, "value": limit}]


def _limit(panel: Panel) -> float | None:
    return panel.bad_from if panel.good_from is None else panel.good_from


_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "area",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
}
