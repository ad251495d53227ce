"""The few forms that the dashboard's expressions have. All sum over workers first."""

from deploy.grafana.panels import PanelQuery

# Four readings or the panel's resolution, whichever is longer.
WINDOW = "[$__rate_interval]"


def rate(series: str, by: str = "") -> str:
    """How quickly a counter rises, per second.

    >>> rate("a_total", by="kind")
    'sum by (kind) (rate(a_total[$__rate_interval]))'
    """
    return f"sum{f' by ({by}) ' if by else ''}(rate({series}{WINDOW}))"


def share(part: str, whole: str) -> str:
    """Which part of a counter's rise is that of some of its series; 0 where there are none of them.

    >>> share('a_total{b="c"}', "a_total")  # doctest: +ELLIPSIS
    '(sum(rate(a_total{b="c"}[$__rate_interval])) or vector(0)) / sum(rate(a_total[...]))'
    """
    return f"({rate(part)} or vector(0)) / {rate(whole)}"


def quantile(q: float, histogram: str, matchers: str = "", by: str = "") -> str:
    """A quantile of what a histogram has seen of late."""
    labels = f"le, {by}" if by else "le"
    chosen = f"{{{matchers}}}" if matchers else ""
    return f"histogram_quantile({q:g}, {rate(f'{histogram}_bucket{chosen}', by=labels)})"


def quantiles(histogram: str, name: str = "", matchers: str = "") -> list[PanelQuery]:
    """The median and the 99th percentile."""
    prefix = f"{name}, " if name else ""
    return [
        PanelQuery(quantile(q, histogram, matchers), f"{prefix}p{q * 100:g}") for q in (0.5, 0.99)
    ]


def mean(histogram: str) -> str:
    """The mean of what a histogram has seen of late."""
    return f"{rate(f'{histogram}_sum')} / {rate(f'{histogram}_count')}"
