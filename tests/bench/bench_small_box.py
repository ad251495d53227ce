"""A small box under load: its first list, requests while it learns, memory, and a ledger.

    python tests/bench/bench_small_box.py [--seconds 60] [--rate 200] [--kill]

People send events and ask for lists at the same time. With --kill both processes are killed (-9) in
the middle and started again; senders send a batch again until it is accepted, with the same ids. At
the end each person's counted events are compared with those that were accepted.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from tests.support.installation import Installation
from tests.support.scrape import scrape

USERS, ITEMS = [f"u{n}" for n in range(500)], [f"i{n}" for n in range(2_000)]
SENDERS, BATCH = 4, 25
ASKS_EVERY_S, PROBES_EVERY_S = 0.05, 0.7
SETTLES_S = 120.0


class Box:
    """The processes, and what was measured of them."""

    def __init__(self, own: Installation) -> None:
        self._own, self._port = own, own.settings.serving_port
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._port}", timeout=10)
        self.accepted: Counter[str] = Counter()
        self.waits: dict[bool, list[float]] = {False: [], True: []}  # by whether a model answered
        self.degraded: Counter[str] = Counter()

    async def start(self) -> None:
        """Start, and say how long the first list took."""
        begun = time.perf_counter()
        command = ("serve", "--all-in-one", "--dir", str(self._own.folder / "box"))
        self.process = psutil.Process(self._own.run(*command).pid)
        while await self.ask() is None:  # noqa: ASYNC110 - there is nothing else to wait for
            await asyncio.sleep(0.02)
        took_s, cpu_s = time.perf_counter() - begun, _cpu_s(self.process)
        print(f"first list after {took_s:.2f} s, {cpu_s:.2f} s of CPU")

    def processes(self) -> list[psutil.Process]:
        """The one that answers, and the one that learns."""
        return [self.process, *self.process.children(recursive=True)]

    async def ask(self) -> httpx.Response | None:
        """A list; None where nobody answers."""
        try:
            body = {"user_id": random.choice(USERS), "k": 10}
            found = await self.http.post("/v1/recommend", json=body)
        except httpx.TransportError:
            return None
        return found if found.status_code == 200 else None

    async def send(self, event: Any) -> bool:
        """Send an event or a list of them; whether they were accepted."""
        try:
            return (await self.http.post("/v1/events", json=event)).status_code == 202
        except httpx.TransportError:
            return False

    async def counted(self) -> Counter[str]:
        """Events by person as the features have them."""
        found: Counter[str] = Counter()
        for user in USERS:
            answer = await self.http.get(f"/v1/users/{user}")
            if answer.status_code == 200:
                found[user] = round(answer.json()["features"]["user_events_30d"])
        return found


def click(**fields: Any) -> dict[str, Any]:
    return {
        "type": "interaction",
        "event_id": uuid.uuid4().hex,
        "user_id": random.choice(USERS),
        "item_id": random.choice(ITEMS),
        "kind": "click",
        **fields,
    }


async def sender(box: Box, rate: float, until_s: float) -> None:
    while (begun_s := time.time()) < until_s:
        batch = [click() for _ in range(BATCH)]
        while not await box.send(batch):  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.2)
        box.accepted.update(event["user_id"] for event in batch)
        pause_s = BATCH * SENDERS / rate
        await asyncio.sleep(max(begun_s + pause_s - time.time(), 0.0))


async def asker(box: Box, until_s: float) -> None:
    while time.time() < until_s:
        begun = time.perf_counter()
        if (found := await box.ask()) is not None:
            made = found.json()
            box.waits[bool(made["model_version"])].append(time.perf_counter() - begun)
            box.degraded[",".join(made["degraded"])] += 1
        await asyncio.sleep(ASKS_EVERY_S)


async def prober(box: Box, until_s: float) -> None:
    while time.time() < until_s:
        fields = {"user_id": "__probe_user__", "item_id": "__probe_item__", "is_probe": True}
        await box.send(
            click(event_id=f"probe-{uuid.uuid4().hex}", event_time=time.time(), **fields)
        )
        await asyncio.sleep(PROBES_EVERY_S)


async def killer(box: Box, after_s: float) -> None:
    await asyncio.sleep(after_s)
    for process in reversed(box.processes()):
        process.kill()
    box.process.wait()
    print(f"killed both after {sum(box.accepted.values()):,} accepted events")
    await box.start()


async def measure(own: Installation, seconds: float, rate: float, kills: bool) -> None:
    box = Box(own)
    await box.start()
    items = [{"item_id": item, "title": f"Film {item}", "categories": ["a"]} for item in ITEMS]
    for start in range(0, len(items), 500):
        (await box.http.put("/v1/items", json=items[start : start + 500])).raise_for_status()
    until_s = time.time() + seconds
    work = [sender(box, rate, until_s) for _ in range(SENDERS)]
    work += [asker(box, until_s), prober(box, until_s)]
    await asyncio.gather(*work, *([killer(box, seconds / 2)] if kills else []))
    total, begun = sum(box.accepted.values()), time.perf_counter()
    print(f"{total:,} events accepted in {seconds:g} s")
    while (found := await box.counted()) != box.accepted:
        if time.perf_counter() - begun > SETTLES_S:
            break
        await asyncio.sleep(0.5)
    differ = sum(found[user] != box.accepted[user] for user in USERS)
    after_s = time.perf_counter() - begun
    print(f"ledger after {after_s:.1f} s: {sum(found.values()):,} counted, {differ} people differ")
    _print_requests(box)
    _print_processes(box, own)
    await box.http.aclose()
    running = box.processes()
    box.process.terminate()
    psutil.wait_procs(running, timeout=30)


def _print_requests(box: Box) -> None:
    for has_model, waits in box.waits.items():
        if waits:
            p50, p99, most = 1e3 * np.quantile(waits, (0.5, 0.99, 1.0))
            model = "with" if has_model else "without"
            print(
                f"{len(waits)} lists {model} a model: p50 {p50:.1f} p99 {p99:.1f} max {most:.1f} ms"
            )
    print(f"degraded: {dict(box.degraded)}")


def _print_processes(box: Box, own: Installation) -> None:
    for name, process in zip(("answers", "learns"), box.processes(), strict=True):
        memory = process.memory_full_info()
        print(
            f"{name}: {memory.rss >> 20} MiB resident ({memory.pss >> 20} MiB with shared pages"
            f" divided), {_cpu_s(process):.1f} s of CPU"
        )
    metrics = scrape(own.settings.serving_port)
    name = "millstream_serving_event_to_weights_seconds"
    if count := metrics.get(f"{name}_count"):
        print(f"event to served weights: mean {metrics[f'{name}_sum'] / count:.2f} s of {count:g}")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=200.0, help="Events per second.")
    parser.add_argument("--kill", action="store_true", help="Kill both processes in the middle.")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Installation("none:1", "redis://none:1/0", "box.", Path(folder)) as own,
    ):
        asyncio.run(measure(own, given.seconds, given.rate, given.kill))


if __name__ == "__main__":
    main()
