"""`millstream probe`: events that carry their time through the loop: freshness, measured."""

import itertools
import time
import uuid

import click

from millstream import kafka
from millstream.domain import domain
from millstream.errors import LogUnavailable
from millstream.events import Interaction, ItemUpsert
from millstream.publishing import EventPublisher
from millstream.settings import settings

PROBE_USER = "__probe_user__"
PROBE_ITEM = "__probe_item__"
# So many of each, in turn: every partition is measured, and the stores do not grow.
PROBE_IDS = 16


@click.command()
@click.option(
    "--interval",
    "interval_s",
    type=float,
    help="Seconds between two probes. [default: MILLSTREAM_PROBE_INTERVAL_S]",
)
@click.option("--count", type=int, help="Number of probes; endless by default.")
def probe(interval_s: float | None, count: int | None) -> None:
    """Send probe events that measure freshness.

    A probe is an interaction and a catalogue item that no user ever sees. The workers export its
    age when it became a feature, was learnt past, was in the served weights, and was retrievable.

    \b
    Example:
      millstream probe --interval 0.5 --count 20
    """
    pause_s = interval_s or settings().probe_interval_s
    publisher = EventPublisher(kafka.producer(settings()), settings())
    for number in itertools.count() if count is None else range(count):
        _send(publisher, number)
        time.sleep(pause_s)


def _send(publisher: EventPublisher, number: int) -> None:
    now_s = time.time()
    kind, value = domain().positive()
    identity = f"probe-{uuid.uuid4().hex}"
    interaction = Interaction(
        event_id=identity,
        event_time=now_s,
        user_id=f"{PROBE_USER}{number % PROBE_IDS}",
        item_id=PROBE_ITEM,
        kind=kind,
        value=value,
        is_probe=True,
    )
    item = ItemUpsert(
        event_id=f"{identity}-item",
        event_time=now_s,
        item_id=f"{PROBE_ITEM}{number % PROBE_IDS}",
        is_probe=True,
    )
    try:
        publisher.send(interaction)
        publisher.send(item)
        publisher.flush()
    except LogUnavailable as error:
        click.echo(f"probe {number} not sent: {error}", err=True)
