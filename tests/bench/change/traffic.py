"""Traffic of the bench: ratings at a steady rate, and lists that are asked for all the time."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator

import httpx

from millstream.events import Interaction, ItemUpsert
from millstream.publishing import EventPublisher, paced

USERS, ITEMS, TASTES = 2_000, 600, 3


def interactions(count: int, rate: float) -> Iterator[Interaction]:
    """Ratings at a steady rate from now on: 5 where the tastes agree, but for one in ten."""
    chance, start_s = random.Random(1), time.time()
    for number in range(count):
        user, item = chance.randrange(USERS), chance.randrange(ITEMS)
        likes = (user % TASTES == item % TASTES) != (chance.random() < 0.1)
        yield Interaction(
            event_id=f"rating-{number}",
            event_time=start_s + number / rate,
            user_id=f"u{user}",
            item_id=f"i{item}",
            kind="rating",
            value=5.0 if likes else 1.0,
        )


class Sending(threading.Thread):
    """Publishes the items at once, then `interactions`, whose times it keeps."""

    def __init__(self, publisher: EventPublisher, count: int, rate: float) -> None:
        super().__init__(daemon=True)
        self.times: list[float] = []
        self._publisher, self._count, self._rate = publisher, count, rate

    def run(self) -> None:
        """Publish all of it."""
        for number in range(ITEMS):
            name = f"i{number}"
            self._publisher.send(ItemUpsert(event_id=name, event_time=time.time(), item_id=name))
        for event in paced(interactions(self._count, self._rate), self._rate):
            self._publisher.send(event)
            self.times.append(event.event_time)
        self._publisher.flush()

    @property
    def sent(self) -> int:
        """How many interactions."""
        return len(self.times)

    def wait_until(self, sent: int) -> None:
        """Until so many were sent."""
        while self.sent < sent:
            if not self.is_alive():
                raise RuntimeError(f"The events ended after {self.sent}.")
            time.sleep(0.05)


class Asking(threading.Thread):
    """Asks for lists at a steady rate, and counts the answers by outcome.

    Args:
        urls: workers that are asked in turn, as a balancer does; may change at any time.

    Attributes:
        phase: of the run, under which outcomes are counted.
    """

    def __init__(self, urls: list[str], rate: float) -> None:
        super().__init__(daemon=True)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.urls, self.phase = urls, "before"
        self._rate, self._stopped = rate, threading.Event()

    def run(self) -> None:
        """Ask until `stop`."""
        chance, number = random.Random(2), 0
        due_s = time.monotonic()
        with httpx.Client(timeout=10) as client:
            while not self._stopped.wait(max(due_s - time.monotonic(), 0.0)):
                due_s, number = due_s + 1.0 / self._rate, number + 1
                body = {"user_id": f"u{chance.randrange(USERS)}", "k": 10}
                urls, phase = self.urls, self.phase
                try:
                    answer = client.post(f"{urls[number % len(urls)]}/v1/recommend", json=body)
                except httpx.HTTPError as error:
                    self.outcomes[phase, type(error).__name__] += 1
                    continue
                self.outcomes[phase, _outcome(answer)] += 1

    def stop(self) -> None:
        """End."""
        self._stopped.set()
        self.join()


def _outcome(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        return f"status {answer.status_code}"
    reasons = answer.json().get("degraded")
    return f"degraded: {', '.join(map(str, reasons))}" if reasons else "whole"
