"""Run of the demo: services, workers, the log through them, the scenario, the report."""

import json
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from millstream import kafka
from millstream.demo.environment import Environment, services, workers
from millstream.demo.log import DemoLog
from millstream.demo.metrics_poller import MetricsPoller, MetricsSample
from millstream.demo.replay import Replay
from millstream.demo.report import draw_auc, print_report
from millstream.demo.scenario import LIST_LENGTH, play, recommend, usual_positive
from millstream.demo.view import render
from millstream.errors import MillstreamError
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
curl -s {api}/v1/recommend -H 'Content-Type: application/json' -d '{question}'
curl -s {api}/v1/events -H 'Content-Type: application/json' \\
  -d '{event}'
API page: {api}/docs   metrics: {api}/metrics
"""


def run(log: DemoLog, folder: Path, rate: float, keep: bool) -> None:
    """Stream `log` through everything, and report.

    Args:
        folder: of data, logs and the picture.
        rate: interactions per second.
        keep: let everything run at the end, until Ctrl-C.
    """
    console = Console()
    with ExitStack() as running:
        with console.status("Starting a broker and Redis, applying the Feast repository"):
            frozen_at = int(FROZEN_AFTER * len(log.interactions))
            environment = running.enter_context(services(folder, frozen_at))
        with console.status(f"Starting the workers ({environment.broker} broker)"):
            running.enter_context(workers(environment))
        replay = Replay(
            EventPublisher(kafka.producer(environment.settings), environment.settings),
            [*log.items, *log.users],
            log.interactions,
            rate,
        )
        judge = _judge(environment, replay, log)
        samples = _streamed(console, environment, replay, judge, log.name)
        with console.status("Ten new events of one user: waiting for weights that know them"):
            scenario = play(environment, log.catalogue, log.interactions)
        picture = environment.folder / "auc.png"
        draw_auc(samples, picture)
        print_report(console, samples, scenario, picture, judge.quality())
        if keep:
            _hold(console, environment, log)


def _judge(environment: Environment, replay: Replay, log: DemoLog) -> "LiveJudge":
    """Lists against counters, on the positives."""
    from features.labels import label_of
    from simulation.baselines.catalogue import baselines
    from simulation.live_judge import LiveJudge

    positives = [n for n, e in enumerate(log.interactions) if label_of(e.kind, e.value) == 1.0]
    return LiveJudge(
        lambda user_id, met: [item["item_id"] for item in recommend(environment, user_id, met)],
        log.interactions,
        positives,
        lambda: replay.sent,
        lambda size: baselines(COUNTERS, size),
        k=LIST_LENGTH,
    )


def _streamed(
    console: Console, environment: Environment, replay: Replay, judge: "LiveJudge", name: str
) -> list[MetricsSample]:
    """Publish everything while showing the view, and wait until it has been learnt from."""
    poller = MetricsPoller(environment.metrics)
    poller.start()
    replay.start()
    judge.start()
    phase = f"Streaming {name}"
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


def _hold(console: Console, environment: Environment, log: DemoLog) -> None:
    """Say how to play with what runs, until Ctrl-C."""
    console.rule("Everything keeps running; Ctrl-C ends it")
    for name, value in environment.variables.items():
        console.print(f"export {name}={value}", highlight=False)
    last, (kind, high) = log.interactions[-1], usual_positive(log.interactions)
    said = {"kind": kind} if high is None else {"kind": kind, "value": high}
    event = {"type": "interaction", "user_id": last.user_id, "item_id": last.item_id, **said}
    question = json.dumps({"user_id": last.user_id, "k": 5})
    text = PLAY.format(api=environment.api, question=question, event=json.dumps(event))
    console.print(text, highlight=False)
    with suppress(KeyboardInterrupt):
        signal.pause()
