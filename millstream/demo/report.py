"""The report at the end: what was streamed, what was learnt, how fresh, and a picture."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from millstream.demo.metrics_poller import FRESHNESS, MetricsSample
from millstream.demo.scenario import Scenario
from millstream.demo.view import Quality, duration, number


def print_report(
    console: Console,
    samples: list[MetricsSample],
    scenario: Scenario,
    picture: Path,
    quality: Quality | None,
) -> None:
    """Everything that is worth keeping of the run."""
    last = samples[-1]
    console.rule("[bold]Millstream: the report")
    console.print(
        f"Streamed {last.events:,.0f} interactions in {last.at_s - samples[0].at_s:.0f} s; "
        f"{last.examples:,.0f} examples were scored, then learnt from; "
        f"{number(last.trained_version, '{:.0f}')} snapshots published, "
        f"{number(last.served_version, '{:.0f}')} is served."
    )
    console.print(_auc(last))
    console.print(_freshness(last))
    console.print(_lists(scenario))
    console.print(f"The two AUC curves: {picture}")
    if quality is None:
        console.print("[red]No list was asked for while the log was streamed.")
    else:
        console.print(
            f"{quality.questions:,} lists, each asked for just before a positive event went in: "
            f"is its item among the first {quality.k}?"
        )
        console.print(_quality(quality))


def draw_auc(samples: list[MetricsSample], path: Path) -> None:
    """The two curves of progressive AUC over the examples, as a PNG."""
    from matplotlib.figure import Figure

    compared = [
        (sample.compared, sample.auc_online, sample.auc_frozen)
        for sample in samples
        if sample.auc_online is not None and sample.auc_frozen is not None
    ]
    figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for column, label, colour in ((1, "online", "#1b7f4d"), (2, "frozen", "#c77700")):
        examples, auc = [row[0] for row in compared], [row[column] for row in compared]
        axes.plot(examples, auc, label=label, color=colour, lw=2)
    axes.set(
        xlabel="examples since the first snapshot",
        ylabel="progressive AUC (scored before learnt from)",
        title="Learning online, against the same model frozen at its first snapshot",
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path)


def _auc(last: MetricsSample) -> str:
    if last.auc_online is None or last.auc_frozen is None:
        return "[red]No AUC: too few examples after the first snapshot."
    margin = last.auc_online - last.auc_frozen
    return (
        f"Progressive AUC over {last.compared:,.0f} examples: online [bold]{last.auc_online:.4f}"
        f"[/bold], frozen {last.auc_frozen:.4f}, margin [bold]{margin:+.4f}[/bold]."
    )


def _quality(quality: Quality) -> Table:
    """The lists beside those of every counter, the best first."""
    table = Table("list by", f"HR@{quality.k}")
    for name, rate in sorted(quality.hit_rates.items(), key=lambda entry: -entry[1]):
        style = "bold green" if name == next(iter(quality.hit_rates)) else ""
        table.add_row(Text(name, style=style), Text(f"{rate:.4f}", style=style))
    return table


def _freshness(last: MetricsSample) -> Table:
    table = Table("freshness", "p50", "p99")
    for what in FRESHNESS:
        p50, p99 = last.freshness_s[what]
        table.add_row(what, duration(p50), duration(p99))
    return table


def _lists(scenario: Scenario) -> Table:
    took = duration(scenario.took_s)
    about = f"of {scenario.category}" if scenario.category else "of popular items"
    table = Table(
        "", "before", f"after 10 events `{scenario.events}` {about}",
        title=f"User {scenario.user_id}; the new weights were served after {took}",
        title_justify="left",
    )  # fmt: skip
    old = {place["item_id"] for place in scenario.before}
    for rank, (was, now) in enumerate(zip(scenario.before, scenario.after, strict=False), 1):
        is_new = now["item_id"] not in old
        table.add_row(
            str(rank), _title(was, scenario), _title(now, scenario, "green" if is_new else "")
        )
    return table


def _title(place: dict[str, Any], scenario: Scenario, style: str = "") -> Text:
    categories = ", ".join(scenario.categories.get(place["item_id"], ()))
    title = Text(place["title"] or place["item_id"], style=f"bold {style}")
    return title.append(f"  {categories}", style=f"not bold dim {style}")
