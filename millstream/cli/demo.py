"""`millstream demo`: the whole loop on MovieLens-100K, watched live."""

import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live

from millstream import kafka
from millstream.demo.environment import Environment, services, workers
from millstream.demo.metrics_poller import MetricsPoller, MetricsSample
from millstream.demo.replay import Replay
from millstream.demo.report import draw_auc, print_report
from millstream.demo.scenario import LIST_LENGTH, play, recommend
from millstream.demo.view import render
from millstream.errors import MillstreamError
from millstream.events import Interaction
from millstream.publishing import EventPublisher

if TYPE_CHECKING:
    from simulation.live_judge import LiveJudge

# How long the workers may take for what is still under way when the last event is sent.
DRAIN_S = 60.0
REFRESH_S = 0.25
# The share of the log after which the first snapshot is published, and the baseline frozen.
FROZEN_AFTER = 0.1
# Whom the lists are held against: `simulation/baselines`.
COUNTERS = ("popular-7d", "popular-1h", "clicks-30m", "trending", "co-occurrence")

PLAY = """
curl -s {api}/v1/recommend -H 'Content-Type: application/json' -d '{{"user_id": "1", "k": 5}}'
curl -s {api}/v1/events -H 'Content-Type: application/json' \\
  -d '{{"type": "interaction", "user_id": "1", "item_id": "50", "kind": "like"}}'
API page: {api}/docs   metrics: {api}/metrics
"""


@click.command()
@click.option("--keep", is_flag=True, help="Keep everything running at the end, to play with.")
@click.option("--rate", default=1000.0, show_default=True, help="Interactions per second.")
@click.option(
    "--limit",
    type=click.IntRange(min=1000),
    help="Number of interactions, the newest ones; all by default.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-run"),
    show_default=True,
    help="Folder of data, logs and the picture; what an earlier run left there is removed.",
)
def demo(keep: bool, rate: float, limit: int | None, folder: Path) -> None:
    """Run the whole loop on real data and watch it learn.

    Starts a broker, Redis, the stream worker, the trainer and the serving worker, streams
    MovieLens-100K through them in time order, and ends with a report.

    \b
    Examples:
      millstream demo
      millstream demo --limit 20000 --rate 2000
      millstream demo --keep
    """
    from millstream.datasets.ml_100k import load

    for ending in (signal.SIGTERM, signal.SIGINT):  # a shell's background jobs ignore SIGINT
        signal.signal(ending, signal.default_int_handler)  # end what was started, too
    console = Console()
    dataset = load()
    interactions = list(dataset.interactions())[-(limit or 0) :]
    items = list(dataset.items())
    with ExitStack() as running:
        with console.status("Starting a broker and Redis, applying the Feast repository"):
            frozen_at = int(FROZEN_AFTER * len(interactions))
            environment = running.enter_context(services(folder.resolve(), frozen_at))
        with console.status(f"Starting the workers ({environment.broker} broker)"):
            running.enter_context(workers(environment))
        replay = Replay(
            EventPublisher(kafka.producer(environment.settings), environment.settings),
            [*items, *dataset.users()],
            interactions,
            rate,
        )
        judge = _judge(environment, replay, interactions)
        samples = _streamed(console, environment, replay, judge)
        with console.status("Ten new events of one user: waiting for weights that know them"):
            scenario = play(environment, items, interactions)
        picture = environment.folder / "auc.png"
        draw_auc(samples, picture)
        print_report(console, samples, scenario, picture, judge.quality())
        if keep:
            _hold(console, environment)


def _judge(
    environment: Environment, replay: Replay, interactions: list[Interaction]
) -> "LiveJudge":
    """Lists against counters, on the ratings that are good."""
    from features.labels import label_of
    from simulation.baselines.catalogue import baselines
    from simulation.live_judge import LiveJudge

    positives = [n for n, e in enumerate(interactions) if label_of(e.kind, e.value) == 1.0]
    return LiveJudge(
        lambda user_id, met: [item["item_id"] for item in recommend(environment, user_id, met)],
        interactions,
        positives,
        lambda: replay.sent,
        lambda size: baselines(COUNTERS, size),
        k=LIST_LENGTH,
    )


def _streamed(
    console: Console, environment: Environment, replay: Replay, judge: "LiveJudge"
) -> list[MetricsSample]:
    """Publish everything while showing the view, and wait until it has been learnt from."""
    poller = MetricsPoller(environment.metrics)
    poller.start()
    replay.start()
    judge.start()
    phase = "Streaming MovieLens-100K"
    with Live(console=console, refresh_per_second=4) as live:
        while replay.is_alive():
            live.update(render(poller, replay.sent, replay.total, phase, judge.quality()))
            time.sleep(REFRESH_S)
        judge.stop()
        if replay.error:
            raise MillstreamError(f"The replay stopped: {replay.error}") from replay.error
        deadline = time.monotonic() + DRAIN_S
        while not poller.is_quiet(replay.total) and time.monotonic() < deadline:
            phase = "Learning from the last events"
            live.update(render(poller, replay.sent, replay.total, phase, judge.quality()))
            time.sleep(REFRESH_S)
    poller.stop()
    return poller.samples


def _hold(console: Console, environment: Environment) -> None:
    """Say how to play with what runs, until Ctrl-C."""
    console.rule("Everything keeps running; Ctrl-C ends it")
    for name, value in environment.variables.items():
        console.print(f"export {name}={value}", highlight=False)
    console.print(PLAY.format(api=environment.api), highlight=False)
    with suppress(KeyboardInterrupt):
        signal.pause()
