"""The funnel: how many events come in, are valid, are joined, are learnt, and are in the weights.

Everything is read from the workers' `/metrics`. A worker that does not answer leaves its stages
without a figure, not at 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from millstream.scraping import Scrape

EVENTS = "millstream_stream_events_total"


@dataclass(frozen=True)
class FunnelStage:
    """One stage.

    Args:
        name: for people.
        total: since the worker started; None where it does not answer.
        per_second: between two readings; None for one reading.
        aside: what did not get further, by why.
    """

    name: str
    total: float | None
    per_second: float | None = None
    aside: tuple[tuple[str, float], ...] = ()


def funnel(stream: Scrape, trainer: Scrape, serving: Scrape) -> list[FunnelStage]:
    """The stages by one reading of each worker."""
    came = _total(stream, EVENTS)
    refused = stream.total(EVENTS, outcome="refused")
    duplicate = stream.total(EVENTS, outcome="duplicate")
    passed_over = [
        (reason, trainer.total("millstream_trainer_rows_passed_over_total", reason=reason))
        for reason in ("repeated", "unsound")
    ]
    late = stream.total(EVENTS, outcome="late")
    return [
        FunnelStage("events in", came),
        FunnelStage("valid", _less(came, refused), aside=_some(("refused", refused))),
        FunnelStage(
            "counted",
            _less(came, refused + duplicate),
            aside=_some(("duplicate", duplicate), ("late, without an example", late)),
        ),
        FunnelStage("joined to a list", _total(stream, "millstream_stream_joined_total")),
        FunnelStage("examples", _total(stream, "millstream_stream_examples_total")),
        FunnelStage(
            "learnt",
            _total(trainer, "millstream_trainer_examples_total"),
            aside=_some(*passed_over),
        ),
        FunnelStage("in served weights", serving.value("millstream_serving_snapshot_examples")),
    ]


def with_rates(
    before: Sequence[FunnelStage], after: Sequence[FunnelStage], seconds: float
) -> list[FunnelStage]:
    """The later reading, with what was added since the earlier one, per second.

    A total that fell is that of a worker that was started anew: its rate is not known.
    """
    return [
        FunnelStage(new.name, new.total, _rate(old.total, new.total, seconds), new.aside)
        for old, new in zip(before, after, strict=True)
    ]


def _rate(before: float | None, after: float | None, seconds: float) -> float | None:
    if before is None or after is None or after < before:
        return None
    return (after - before) / seconds


def _total(scrape: Scrape, name: str) -> float | None:
    return None if scrape.value(name) is None else scrape.total(name)


def _less(total: float | None, gone: float) -> float | None:
    return None if total is None else total - gone


def _some(*aside: tuple[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple((why, count) for why, count in aside if count)
