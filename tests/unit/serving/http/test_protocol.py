"""Clients that take their time, over real sockets."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from millstream.settings import Settings
from tests.support.serving_api import listening

HALF = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Ty"
HALF_BODY = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n[1,"
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def echo(scope, receive, send):
    """Answers with the length of the body, or not at all where the client has gone."""
    size, message = 0, {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
    head = [(b"content-length", str(len(str(size))).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture
def served() -> Callable[..., contextlib.AbstractAsyncContextManager[int]]:
    @contextlib.asynccontextmanager
    async def run(**settings) -> AsyncIterator[int]:
        bounds = {"header_timeout_s": 0.3, "body_timeout_s": 0.3, **settings}
        async with listening(echo, Settings(_env_file=None, **bounds)) as port:
            yield port

    return run


async def opened(port: int, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server closes."""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
    return b""


@pytest.mark.parametrize("sent", [HALF, HALF_BODY, WHOLE + HALF, b"POST"])
async def test_half_a_request_is_ended(served, sent):
    async with served() as port:
        reader, writer = await opened(port, sent)
        assert b"408 Request Timeout" in await all_of(reader)
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
async def test_a_connection_without_a_request_is_closed(served, sent):
    async with served() as port:
        reader, writer = await opened(port, sent)
        assert await all_of(reader) == b""
        writer.close()


async def test_a_drop_now_and_then_does_not_keep_a_request_open(served):
    async with served() as port:
        reader, writer = await opened(port, HALF)
        answer = asyncio.create_task(all_of(reader))
        while not answer.done():
            with contextlib.suppress(ConnectionError):
                writer.write(b"a")
                await writer.drain()
            await asyncio.sleep(0.05)
        assert b"408" in answer.result()
        writer.close()


async def test_two_thousand_half_sent_requests_are_closed_and_others_answered_meanwhile(served):
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(2_000, (soft - 200) // 2)  # both ends are of this process
    async with served(header_timeout_s=2.0) as port:
        halves = [await opened(port, HALF) for _ in range(count)]
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "0"
        answers = await asyncio.gather(*(all_of(reader) for reader, _ in halves))
        assert all(b"408" in answer or answer == b"" for answer in answers)
        for _, writer in halves:
            writer.close()


async def test_a_slow_but_whole_request_is_answered(served):
    async with served(header_timeout_s=5.0, body_timeout_s=5.0) as port:
        reader, writer = await opened(port, HALF_BODY)
        await asyncio.sleep(0.1)
        writer.write(b"2,3,4]")
        assert b"200 OK" in await reader.readline()
        writer.close()


async def test_an_answered_connection_stays_open_for_the_next_request(served):
    async with served() as port, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/"
        for body in (b"abc", b"de"):
            answer = await client.post(url, content=body)
            assert (answer.text, "server" in answer.headers) == (str(len(body)), False)
            await asyncio.sleep(0.5)  # longer than half a request may take


async def test_an_endless_head_is_ended(served):
    async with served(header_timeout_s=20.0) as port:
        reader, writer = await opened(port, b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(2_000):
                writer.write(b"X-%d: %s\r\n" % (number, b"a" * 100))
                await writer.drain()
        answer = await all_of(reader)
        assert b"431" in answer or answer == b""  # a reset overtakes the answer
        writer.close()


async def test_more_connections_than_may_be_are_closed_at_once(served):
    async with served(max_connections=3, header_timeout_s=20.0) as port:
        held = [await opened(port, b"") for _ in range(3)]
        await asyncio.sleep(0.1)
        reader, writer = await opened(port, WHOLE)
        assert await all_of(reader) == b""
        for _, each in [*held, (reader, writer)]:
            each.close()
