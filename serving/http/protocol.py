"""uvicorn's HTTP protocol, with an end to what a client may take of time and memory.

A client that has not sent its whole request in time is answered 408 and closed; one that does not
read its answer is cut off. An idle connection that has had an answer stays as long as uvicorn
keeps it alive.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# What a client sends of names, values and the address together, before the body.
MAX_HEAD_BYTES = 32_768
# How long a client that does not read may hold an answer back.
WRITE_TIMEOUT_S = 30.0

_REFUSAL = b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_SLOW = _REFUSAL % b"408 Request Timeout"
_LONG = _REFUSAL % b"431 Request Header Fields Too Large"

_Phase = Literal["idle", "head", "body"]


@dataclass(frozen=True)
class Bounds:
    """Limits of one client.

    Args:
        head_s: seconds for the head of a request; also for a new connection's first byte.
        body_s: seconds for its body.
        connections: of the whole worker.
    """

    head_s: float
    body_s: float
    connections: int


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Args:
        bounds: of it.
        options: those of uvicorn.
    """

    def __init__(self, bounds: Bounds, **options: Any) -> None:
        super().__init__(**options)
        self._bounds = bounds
        self._phase: _Phase = "idle"
        self._timed: _Phase | None = None  # what the timer is for
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            transport.abort()
            return
        self._time("head", self._bounds.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._untime()
        self._write_in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._phase == "head":
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._end(_LONG)
                return
        self._mind_time()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase, self._head_bytes = "head", 0
        self._untime()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase == "head":  # else it comes after the body: nobody reads those
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._phase = "body"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._phase = "idle"
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(WRITE_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_in_time()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():  # closing would wait for who does not read
            self.transport.abort()
        super().timeout_keep_alive_handler()

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _mind_time(self) -> None:
        """Time what has not come whole; what has ends the timer."""
        if self._phase == "body":
            self._time("body", self._bounds.body_s)
        elif self._phase == "head" or self.cycle is None:
            self._time("head", self._bounds.head_s)
        else:
            self._untime()
            if not self._is_answering and self.timeout_keep_alive_task is None:
                # The answer went out before the request had come: uvicorn forgets such connections.
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

    def _time(self, phase: _Phase, seconds: float) -> None:
        if self._timed != phase:
            self._untime()
            self._timed = phase
            self._timer = self.loop.call_later(seconds, self._late, seconds)

    def _untime(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timed = self._timer = None

    def _write_in_time(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _late(self, seconds: float) -> None:
        is_ours = self.pipeline or (self._phase == "head" and self._is_answering)
        if is_ours:  # earlier requests are being answered, and nothing is read meanwhile
            self._timer = self.loop.call_later(seconds, self._late, seconds)
        elif self._phase == "idle":  # not a byte came
            self.transport.close()
        else:
            self._end(_SLOW)

    def _end(self, answer: bytes) -> None:
        """Answer, unless the application has begun to, and close."""
        if self._phase == "head" or not self.cycle.response_started:
            self.transport.write(answer)
        if self._phase == "body":
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
