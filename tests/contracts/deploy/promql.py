"""Just enough PromQL to see which series an expression reads, and by which labels."""

import re
from collections.abc import Iterator

# What Prometheus adds to every series, and the series that it makes itself.
TARGET_LABELS = frozenset({"job", "instance"})
BUILT_IN = {
    "up": TARGET_LABELS,
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
}

_SERIES = re.compile(r"\b(millstream_\w+|up|ALERTS)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)")


def series(expr: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Every series that `expr` reads, with the labels it is selected by.

    >>> list(series('rate(millstream_x_total{kind="a", job!="b"}[5m])'))[0][0]
    'millstream_x_total'
    """
    for name, matchers in _SERIES.findall(expr):
        yield name, frozenset(_MATCHER.findall(matchers))


def grouping(expr: str) -> frozenset[str]:
    """Every label that `expr` aggregates or joins by."""
    return frozenset(
        label.strip() for group in _GROUPING.findall(expr) for label in group.split(",") if label
    )


def faults(expr: str, declared: dict[str, frozenset[str]]) -> list[str]:
    """What `expr` names and nobody exports."""
    known = {**BUILT_IN, **declared}
    found = list(series(expr))
    wrong = [f"no series {name}" for name, _ in found if name not in known]
    present = TARGET_LABELS.union(*(known.get(name, frozenset()) for name, _ in found))
    for name, labels in found:
        missing = labels - known.get(name, labels) - TARGET_LABELS
        wrong += [f"no label {label} on {name}" for label in sorted(missing)]
    return wrong + [f"no label {label} to group by" for label in sorted(grouping(expr) - present)]
