"""`millstream models`: the catalogue, and the options of one model."""

import inspect

import click
from rich.console import Console
from rich.table import Table

from millstream.cli.quiet_import import import_keras_quietly

# Terminals that are narrower show papers without their links; `models NAME` has them.
LINKS_FROM_WIDTH = 130


@click.command()
@click.argument("name", required=False)
def models(name: str | None) -> None:
    """List the models of the catalogue; with NAME, show its equation, paper and options.

    \b
    Examples:
      millstream models
      millstream models dcn_v2
    """
    if name is None:
        _list()
    else:
        _tell(name)


def _list() -> None:
    from models.catalogue import CATALOGUE

    console = Console()
    has_room = console.width >= LINKS_FROM_WIDTH
    table = Table("model", "family", "task", "online", "paper", *(["link"] if has_room else []))
    for entry in CATALOGUE:
        paper, _, link = entry.paper.rpartition(", ")
        online = "yes" if entry.learns_online else "no"
        row = (f"[bold]{entry.name}[/bold]", entry.family, entry.task, online, paper)
        table.add_row(*row, *([link] if has_room else []))
    console.print(table)


def _tell(name: str) -> None:
    from models.catalogue import find

    entry, console = find(name), Console(highlight=False)
    import_keras_quietly()
    builder = entry.load()
    console.print(f"[bold]{entry.name}[/bold]: {entry.family}, {entry.task}. {entry.paper}\n")
    console.print(inspect.getdoc(inspect.getmodule(builder)), markup=False, soft_wrap=True)
    console.print(f"\n{entry.builder}", style="bold", markup=False)
    console.print(inspect.getdoc(builder), markup=False, soft_wrap=True)
    table = Table("option", "default", title="For --option", title_justify="left")
    for option, default in entry.defaults().items():
        table.add_row(option, repr(default))
    console.print(table)
    if entry.task == "ranking" and entry.family != "trees":
        console.print(f"\n--learning-rate, of Adam: {entry.learning_rate:g}", markup=False)
        console.print(f"--l2, the penalty on embedding rows: {entry.l2:g}", markup=False)
    if entry.initialize_from:
        console.print(f"Begins from a trained {', '.join(entry.initialize_from)}.", markup=False)
