"""Requests at a rate that does not wait for answers: what a worker meets in the world.

    python tests/bench/open_loop.py --port 8000 --rate 50 --seconds 20 --users 1000
    python tests/bench/open_loop.py --port 8000 --rate 50 --seconds 20 --path /healthz

Without a path they ask for lists. Arrivals are a Poisson process. A latency counts from the moment
a request was due, so a worker that falls behind is not spared the requests that queue up meanwhile.
Latencies are those of answers with status 200; 503 is counted as shed. `lag_p99` is how late this
process itself began with requests: that much of a latency is its own. Prints one JSON object.
"""

import argparse
import asyncio
import json
import time

import numpy as np


class Client:
    """Keep-alive HTTP connections without a library's cost."""

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._room = asyncio.Semaphore(connections)

    async def ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        """POST where there is a body, else GET."""
        async with self._room:
            connection = self._idle.pop() if self._idle else await self._open()
            answer = await self._exchange(*connection, path, body)
            self._idle.append(connection)
            return answer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: bytes
    ) -> tuple[int, bytes]:
        method = "POST" if body else "GET"
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.split(b"content-length:")[1].split(b"\r\n")[0])
        return int(answer.split(b" ")[1]), await reader.readexactly(length)


async def run(
    port: int,
    rate: float,
    seconds: float,
    users: int,
    k: int,
    seed: int,
    path: str | None,
    connections: int,
) -> dict:
    """Send, wait for all answers, sum up; latencies in milliseconds."""
    rng = np.random.default_rng(seed)
    due = np.cumsum(rng.exponential(1.0 / rate, round(rate * seconds)))
    asked = rng.integers(users, size=len(due))
    client, latencies, lags = Client(port, connections), [], []
    degraded = failed = shed = 0
    begun = time.perf_counter()

    async def one(at: float, user: int) -> None:
        nonlocal degraded, failed, shed
        lags.append((time.perf_counter() - begun - at) * 1e3)
        body = b"" if path else json.dumps({"user_id": f"u{user}", "k": k}).encode()
        status, answer = await client.ask(path or "/v1/recommend", body)
        if status == 200:
            latencies.append((time.perf_counter() - begun - at) * 1e3)
        shed += status == 503
        failed += status not in (200, 503)
        degraded += status == 200 and bool(json.loads(answer).get("degraded"))

    async with asyncio.TaskGroup() as tasks:
        for at, user in zip(due.tolist(), asked.tolist(), strict=True):
            await asyncio.sleep(max(at - (time.perf_counter() - begun), 0.0))
            tasks.create_task(one(at, user))
    p50, p90, p99 = np.percentile(latencies, [50, 90, 99]).tolist()
    sums = {"p50": p50, "p90": p90, "p99": p99, "max": max(latencies)}
    sums["lag_p99"] = float(np.percentile(lags, 99))
    counts = {"failed": failed, "degraded": degraded, "shed": shed}
    return {**sums, "requests": len(due), **counts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--path")
    parser.add_argument("--connections", type=int, default=64)
    print(json.dumps(asyncio.run(run(**vars(parser.parse_args())))))


if __name__ == "__main__":
    main()
