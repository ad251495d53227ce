"""Admission control on the real HTTP server: queues, refusals, and clients that hang up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.responses import PlainTextResponse

from serving.admission import Admission
from serving.http.admission import Admitted
from serving.metrics import Metrics


class Slow:
    """An application that answers when it is let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.asked: list[bytes] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        self.asked.append((await receive())["body"])
        await self.let_go.wait()
        await PlainTextResponse("a list")(scope, receive, send)


@asynccontextmanager
async def served(app) -> AsyncIterator[int]:
    config = uvicorn.Config(app, port=0, http="httptools", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - what it waits for has no event
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running


async def until(holds) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


async def posted(port: int, body: bytes) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/recommend HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return writer


async def test_what_waits_is_answered_in_turn_unless_its_client_has_gone():
    slow, metrics = Slow(), Metrics()
    admission = Admission(at_once=1, patience_s=20.0)
    async with served(Admitted(slow, admission, metrics)) as port:
        first = await posted(port, b"first")
        await until(lambda: slow.asked == [b"first"])
        gone = await posted(port, b"gone")
        await until(lambda: len(admission) == 1)
        third = await posted(port, b"third")
        await until(lambda: len(admission) == 2)
        gone.transport.abort()
        await asyncio.sleep(0.1)
        slow.let_go.set()
        await until(lambda: len(slow.asked) == 2)
        assert slow.asked == [b"first", b"third"]
        shed = {"reason": "gone"}
        assert metrics.registry.get_sample_value("millstream_serving_shed_total", shed) == 1
        for writer in (first, third):
            writer.close()


async def test_of_many_at_once_each_gets_a_list_or_is_told_to_come_again():
    slow = Slow()
    app = Admitted(slow, Admission(at_once=2, patience_s=0.2), Metrics())
    async with served(app) as port, httpx.AsyncClient(timeout=20) as client:
        url = f"http://127.0.0.1:{port}/v1/recommend"
        asked = [asyncio.create_task(client.post(url, content=b"x")) for _ in range(20)]
        await until(lambda: sum(task.done() for task in asked) == 18)
        slow.let_go.set()
        answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [503] * 18
    told = {answer.headers.get("retry-after") for answer in answers if answer.status_code == 503}
    assert told == {"1"}
