"""People: clicks at a steady rate through Kafka, lists through the API, and clicks on those."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from kafka.errors import KafkaError

from millstream.codec import encode
from millstream.events import Interaction
from millstream.kafka import producer, route
from millstream.settings import Settings
from tests.bench.faults.ledger import Ledger, Sent
from tests.bench.faults.world import World

STEP_S = 0.05
REPEATED = 0.02
CLICKED = 0.5
K = 10
ANSWER_S = 10.0
LISTS_PER_S = 5.0
FLUSH_S = 300.0


class Clicks:
    """Clicks that are sent until the broker has acknowledged them.

    Args:
        rate: clicks a second.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, users: list[str], items: list[str], rate: float
    ) -> None:
        self._settings, self._ledger = settings, ledger
        self._users, self._items, self._rate = users, items, rate
        self._producer = producer(settings, retries=2**31 - 1, delivery_timeout_ms=3_600_000)
        self._failures: list[BaseException] = []

    def click(self, event_id: str, click: Sent) -> None:
        """Note a click, and send it: the client repeats it for as long as there is no broker."""
        self._ledger.add(event_id, click)
        self._send(event_id, click)

    def _send(self, event_id: str, click: Sent) -> None:
        event = Interaction(
            event_id=event_id,
            event_time=click.time_s,
            user_id=click.user,
            item_id=click.item,
            kind="click",
            request_id=click.request_id,
        )
        topic, key = route(event)
        name = self._settings.topic(topic)
        sending = self._producer.send(name, key=key, value=encode(event))
        sending.add_errback(self._failures.append)

    def run(self, seed: int, is_over: threading.Event, most: int | None = None) -> None:
        """Click until `is_over`, or until there were `most` clicks."""
        rng, number = random.Random(seed), 0
        began_s = time.monotonic()
        while not is_over.is_set() and number != most:
            due = int((time.monotonic() - began_s) * self._rate)
            while number < due and number != most and not is_over.is_set():
                user, item = rng.choice(self._users), rng.choice(self._items)
                self.click(f"c{seed}-{number}", Sent(user, item, time.time()))
                number += 1
                if rng.random() < REPEATED:
                    self._send(*self._ledger.one_again(rng))
            time.sleep(STEP_S)

    def close(self, timeout_s: float) -> None:
        """Return when the broker has everything.

        Raises:
            KafkaError: it does not take a click.
        """
        self._producer.flush(timeout=timeout_s)
        self._producer.close()
        if self._failures:
            raise KafkaError(f"Clicks were not taken: {self._failures[0]!r}")


class Visits:
    """Lists at a steady rate, each by a user; half of them are clicked on, once.

    Args:
        rate: lists a second.
        click: called with an event id and the click.
    """

    def __init__(
        self,
        url: str,
        ledger: Ledger,
        users: list[str],
        rate: float,
        click: Callable[[str, Sent], None],
    ) -> None:
        self._url, self._ledger, self._users = url, ledger, users
        self._rate, self._click = rate, click

    def run(self, seed: int, is_over: threading.Event) -> None:
        """Visit until `is_over`."""
        rng, number = random.Random(seed), 0
        with httpx.Client(base_url=self._url, timeout=ANSWER_S) as http:
            while not is_over.is_set():
                began_s = time.monotonic()
                user = rng.choice(self._users)
                listed = self._list(http, user)
                if listed and rng.random() < CLICKED:
                    item = rng.choice(listed["items"])["item_id"]
                    click = Sent(user, item, time.time(), listed["request_id"])
                    self._click(f"f{seed}-{number}", click)
                number += 1
                time.sleep(max(began_s + 1.0 / self._rate - time.monotonic(), 0.0))

    def _list(self, http: httpx.Client, user: str) -> dict[str, Any] | None:
        try:
            answer = http.post("/v1/recommend", json={"user_id": user, "k": K})
        except httpx.HTTPError:
            self._ledger.answered("none")
            return None
        self._ledger.answered(str(answer.status_code))
        listed: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return listed if listed and listed["items"] else None


@contextmanager
def people(found: World, rate: float, seed: int = 1) -> Iterator[None]:
    """Clicks and lists for as long as the block lasts."""
    is_over = threading.Event()
    clicks = Clicks(found.settings, found.ledger, found.users, found.items, rate)
    visits = Visits(found.url, found.ledger, found.users, LISTS_PER_S, clicks.click)
    threads = [
        threading.Thread(target=each.run, args=(seed, is_over), daemon=True)
        for each in (clicks, visits)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
        clicks.close(FLUSH_S)
