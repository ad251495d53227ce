"""TLS in front of any server: what comes in over TLS goes to a plain port, and back.

So a Redis that was built without TLS can be met as one that has it.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from deploy.local.places import HOST
from tests.support.certificates import Identity

ENDING_S = 0.2


@contextlib.contextmanager
def tls_proxy(port: int, server: Identity, clients: Path | None = None) -> Iterator[int]:
    """The port on 127.0.0.1 that speaks TLS for the plain `port`.

    Args:
        server: what the proxy shows.
        clients: the authority that clients' certificates must be of; none are asked for by default.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.certificate, server.key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # clients that are refused are what is tested
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    proxy = _Proxy(port)
    try:
        yield asyncio.run_coroutine_threadsafe(proxy.start(context), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Proxy:
    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, context: ssl.SSLContext) -> int:
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=context)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(ENDING_S)  # what was refused or aborted lets go of its socket

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        answers, questions = await asyncio.open_connection(HOST, self._port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, questions))
                group.create_task(_pump(answers, writer))
        finally:
            writer.transport.abort()
            questions.transport.abort()
            self._tasks.discard(task)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    sink.close()
