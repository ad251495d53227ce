"""A log that happened long ago, published as if it happened now.

Months pass in minutes. Each event has the time at which it is published: what people ask for now is
then made from features as fresh as those that the models learn from, and not from counts that have
faded since the log was written.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from millstream.demo.log import first_met
from millstream.events import Event, Interaction, ItemUpsert, UserUpsert
from millstream.publishing import EventPublisher, paced

E = TypeVar("E", bound=Event)


def happening(event: E, now_s: float) -> E:
    """The event, at another time; an item is then as old as it was."""
    if isinstance(event, ItemUpsert) and event.created_at is not None:
        created_at = now_s - max(event.event_time - event.created_at, 0.0)
        event = msgspec.structs.replace(event, created_at=created_at)
    return msgspec.structs.replace(event, event_time=now_s)


class Replay(threading.Thread):
    """Publishes the catalogue and the accounts at once, then the interactions at a steady rate.

    An item that the catalogue lacks comes to be just before its first interaction.

    Args:
        per_second: interactions per second.
        clock: Unix seconds.
    """

    def __init__(
        self,
        publisher: EventPublisher,
        catalogue: Iterable[ItemUpsert | UserUpsert],
        interactions: Sequence[Interaction],
        per_second: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(name="replay", daemon=True)
        self.total = len(interactions)
        self.sent = 0
        self.error: Exception | None = None
        self._publisher = publisher
        self._catalogue = catalogue
        self._interactions = interactions
        self._per_second, self._clock = per_second, clock

    def run(self) -> None:
        try:
            known = set()
            for entry in self._catalogue:
                self._publisher.send(happening(entry, self._clock()))
                if isinstance(entry, ItemUpsert):
                    known.add(entry.item_id)
            self._publisher.flush()
            for event in paced(self._interactions, self._per_second):
                now_s = self._clock()
                if event.item_id not in known:
                    known.add(event.item_id)
                    self._publisher.send(happening(first_met(event), now_s))
                self._publisher.send(happening(event, now_s))
                self.sent += 1
            self._publisher.flush()
        except Exception as error:  # shown by the demo, which then ends
            self.error = error
