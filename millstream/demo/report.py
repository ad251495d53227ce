"""The report at the end: what was streamed, what was learnt, how fresh, and a picture."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from millstream.demo.story import Story
from millstream.demo.view import duration, number
from millstream.demo.watch import FRESHNESS, Reading


def print_report(console: Console, readings: list[Reading], story: Story, picture: Path) -> None:
    """Everything that is worth keeping of the run."""
    last = readings[-1]
    console.rule("[bold]Millstream: the report")
    console.print(
        f"Streamed {last.events:,.0f} interactions in {last.at_s - readings[0].at_s:.0f} s; "
        f"{last.examples:,.0f} examples were scored, then learnt from; "
        f"{number(last.trained_version, '{:.0f}')} snapshots published, "
        f"{number(last.served_version, '{:.0f}')} is served."
    )
    console.print(_auc(last))
    console.print(_freshness(last))
    console.print(_lists(story))
    console.print(f"The two AUC curves: {picture}")


def draw_auc(readings: list[Reading], path: Path) -> None:
    """The two curves of progressive AUC over the examples, as a PNG."""
    from matplotlib.figure import Figure

    compared = [
        (reading.compared, reading.auc_online, reading.auc_frozen)
        for reading in readings
        if reading.auc_online is not None and reading.auc_frozen is not None
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


def _auc(last: Reading) -> str:
    if last.auc_online is None or last.auc_frozen is None:
        return "[red]No AUC: too few examples after the first snapshot."
    margin = last.auc_online - last.auc_frozen
    return (
        f"Progressive AUC over {last.compared:,.0f} examples: online [bold]{last.auc_online:.4f}"
        f"[/bold], frozen {last.auc_frozen:.4f}, margin [bold]{margin:+.4f}[/bold]."
    )


def _freshness(last: Reading) -> Table:
    table = Table("freshness", "p50", "p99")
    for what in FRESHNESS:
        p50, p99 = last.freshness_s[what]
        table.add_row(what, duration(p50), duration(p99))
    return table


def _lists(story: Story) -> Table:
    table = Table(
        "", "before", f"after 10 five-star ratings of {story.category}",
        title=f"User {story.user_id}; the new weights were served after {duration(story.took_s)}",
        title_justify="left",
    )  # fmt: skip
    old = {place["item_id"] for place in story.before}
    for rank, (was, now) in enumerate(zip(story.before, story.after, strict=False), 1):
        is_new = now["item_id"] not in old
        table.add_row(str(rank), _title(was, story), _title(now, story, "green" if is_new else ""))
    return table


def _title(place: dict[str, Any], story: Story, style: str = "") -> Text:
    categories = ", ".join(story.categories.get(place["item_id"], ()))
    title = Text(place["title"] or place["item_id"], style=f"bold {style}")
    return title.append(f"  {categories}", style=f"not bold dim {style}")
