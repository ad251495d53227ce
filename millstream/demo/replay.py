"""A log that happened long ago, published as if it ended now."""

import threading
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from millstream.events import Event, Interaction, ItemUpsert, UserUpsert
from millstream.publishing import EventPublisher, paced

E = TypeVar("E", bound=Event)


def shifted(events: Iterable[E], seconds: float) -> list[E]:
    """The events, all moved by the same time."""
    return [
        msgspec.structs.replace(event, event_time=event.event_time + seconds) for event in events
    ]


class Replay(threading.Thread):
    """Publishes the catalogue and the accounts at once, then the interactions at a steady rate.

    Args:
        per_second: interactions per second.
    """

    def __init__(
        self,
        publisher: EventPublisher,
        catalogue: Iterable[ItemUpsert | UserUpsert],
        interactions: Sequence[Interaction],
        per_second: float,
    ) -> None:
        super().__init__(name="replay", daemon=True)
        self.total = len(interactions)
        self.sent = 0
        self.error: Exception | None = None
        self._publisher = publisher
        self._catalogue = catalogue
        self._interactions = interactions
        self._per_second = per_second

    def run(self) -> None:
        try:
            for entry in self._catalogue:
                self._publisher.send(entry)
            self._publisher.flush()
            for event in paced(self._interactions, self._per_second):
                self._publisher.send(event)
                self.sent += 1
            self._publisher.flush()
        except Exception as error:  # shown by the demo, which then ends
            self.error = error
