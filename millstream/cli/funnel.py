"""`millstream funnel`: how many events get how far."""

import json
import time
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from millstream.errors import MillstreamError
from millstream.funnel import FunnelStage, funnel, with_rates
from millstream.scraping import Scrape
from millstream.settings import Settings
from millstream.settings import settings as current_settings


@click.command("funnel")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Time between two readings for the rates; 0 reads once.",
)
@click.option("--json", "as_json", is_flag=True, help="Stages as JSON.")
def show_funnel(seconds: float, as_json: bool) -> None:
    """Show how many events come in, are valid, joined, learnt, and in the served weights.

    The figures come from the /metrics of the stream worker, the trainer and the serving worker, at
    the host and the ports of the settings. Totals count from the start of each worker; that of the
    served weights is all examples that they have ever learnt from. An event yields none, one or
    several examples: sampled negatives are examples, too.

    \b
    Examples:
      millstream funnel
      millstream funnel --seconds 60 --json
    """
    stages = _read(current_settings())
    if seconds:
        before, begun = stages, time.monotonic()
        time.sleep(seconds)
        stages = with_rates(before, _read(current_settings()), time.monotonic() - begun)
    if all(stage.total is None for stage in stages):
        raise MillstreamError("No worker answers: see `millstream doctor`.")
    if as_json:
        click.echo(json.dumps([asdict(stage) for stage in stages], indent=1))
        return
    table = Table("stage", "total", "per second", "set aside before it")
    for stage in stages:
        aside = ", ".join(f"{why} {count:,.0f}" for why, count in stage.aside)
        rate = "–" if stage.per_second is None else f"{stage.per_second:,.1f}"
        table.add_row(stage.name, _figure(stage.total), rate, aside)
    Console().print(table)


def _read(settings: Settings) -> list[FunnelStage]:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    ports = (settings.stream_metrics_port, settings.trainer_metrics_port, settings.serving_port)
    return funnel(*(Scrape.of(f"http://{host}:{port}/metrics") for port in ports))


def _figure(total: float | None) -> str:
    return "–" if total is None else f"{total:,.0f}"
