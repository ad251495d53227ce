"""The live terminal view."""

from typing import Protocol

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from millstream.demo.metrics_poller import FRESHNESS, MetricsPoller, MetricsSample

SPARKS = "▁▂▃▄▅▆▇█"
CURVE_POINTS = 60


class Quality(Protocol):
    """Hit rates of lists that were asked for at the same moments (`simulation.live_judge`)."""

    @property
    def questions(self) -> int: ...

    @property
    def k(self) -> int: ...

    @property
    def hit_rates(self) -> dict[str, float]: ...

    @property
    def best_counter(self) -> str: ...


def render(
    poller: MetricsPoller, sent: int, total: int, phase: str, quality: Quality | None = None
) -> RenderableType:
    """The view at this moment.

    Args:
        sent: interactions published so far, of `total`.
        phase: what is going on, in a few words.
        quality: of the lists so far.
    """
    newest = poller.newest
    if newest is None:
        return Panel(Text(phase), title="Millstream")
    return Panel(
        Group(
            _progress(sent, total, phase),
            Text(),
            _throughput(poller, newest),
            Text(),
            _learning(poller, newest),
            Text(),
            _lists(quality),
            Text(),
            _freshness(newest),
        ),
        title="[bold]Millstream[/bold]  events in, lists that learned from them out",
        padding=(1, 2),
    )


def _progress(sent: int, total: int, phase: str) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    row.add_row(phase, ProgressBar(total=total, completed=sent, width=40), f"{sent:,} of {total:,}")
    return row


def _throughput(poller: MetricsPoller, newest: MetricsSample) -> RenderableType:
    table = Table.grid(padding=(0, 3))
    table.add_row(
        "events/s",
        f"[bold]{poller.per_second('events'):,.0f}[/bold]",
        "examples/s",
        f"[bold]{poller.per_second('examples'):,.0f}[/bold]",
        "ids in tables",
        f"[bold]{newest.table_rows:,.0f}[/bold]",
    )
    table.add_row(
        "snapshot trained",
        number(newest.trained_version, "{:.0f}"),
        "served",
        number(newest.served_version, "{:.0f}"),
        "age",
        number(newest.snapshot_age_s, "{:.1f} s"),
    )
    return table


def _learning(poller: MetricsPoller, newest: MetricsSample) -> RenderableType:
    table = Table(
        title="Progressive AUC: scored before learnt from", title_justify="left", box=None
    )
    table.add_column("model")
    table.add_column("AUC", justify="right")
    table.add_column("since the first snapshot")
    for label, name, style in (
        ("online", "auc_online", "green"),
        ("frozen at the first snapshot", "auc_frozen", "yellow"),
    ):
        curve = [getattr(sample, name) for sample in poller.samples]
        line = sparkline([value for value in curve if value is not None])
        table.add_row(label, number(getattr(newest, name), "{:.4f}"), Text(line, style=style))
    return table


def _lists(quality: Quality | None) -> RenderableType:
    """Our lists and those of the best counter."""
    table = Table(title="Lists, asked for before they are told", title_justify="left", box=None)
    table.add_column("list by")
    table.add_column("HR" if quality is None else f"HR@{quality.k}", justify="right")
    if quality is not None:
        ours = next(iter(quality.hit_rates))
        for name in (ours, quality.best_counter):
            table.add_row(name, f"{quality.hit_rates[name]:.4f}")
    return table


def _freshness(newest: MetricsSample) -> RenderableType:
    table = Table(title="Freshness, by probes", title_justify="left", box=None)
    table.add_column("")
    table.add_column("p50", justify="right")
    table.add_column("p99", justify="right")
    for what in FRESHNESS:
        p50, p99 = newest.freshness_s[what]
        table.add_row(what, duration(p50), duration(p99))
    return table


def sparkline(values: list[float], points: int = CURVE_POINTS) -> str:
    """The values as one line of blocks, between .5 and .8 so that two lines compare.

    >>> sparkline([0.5, 0.65, 0.8])
    '▁▄█'
    """
    step = max(len(values) / points, 1.0)
    kept = [values[int(i * step)] for i in range(min(points, len(values)))]
    top = len(SPARKS) - 1
    return "".join(SPARKS[min(max(int((v - 0.5) / 0.3 * top), 0), top)] for v in kept)


def number(value: float | None, form: str) -> str:
    """`value` in `form`, or a dash."""
    return "–" if value is None else form.format(value)


def duration(seconds: float | None) -> str:
    """Milliseconds below a second, seconds above.

    >>> duration(0.0123), duration(2.5), duration(None)
    ('12 ms', '2.5 s', '–')
    """
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
