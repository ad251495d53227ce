"""Lets lists be asked for only as fast as they can be made: 503 with Retry-After for the others."""

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any

import anyio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.admission import SHED_REASONS, Admission, Shed, Ticket
from serving.metrics import Metrics

_WAITED_S = "millstream.waited_s"
# What costs a worker its time; events and what operators ask for pass.
_PATHS = ("/v1/recommend", "/v1/similar", "/v1/popular")
_BEAT_S = 0.01
# From this age on it is worth asking whether the client still waits, seconds.
_WORTH_ASKING_S = 0.02


class Lateness:
    """How late the event loop is: what came meanwhile has waited unseen for so long."""

    def __init__(self) -> None:
        self._late_s = 0.0
        self._due_s: float | None = None
        self._beat: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds; 0 until the first beat."""
        loop = asyncio.get_running_loop()
        if self._due_s is None:
            self._begin(loop)
            return 0.0
        return max(self._late_s, loop.time() - self._due_s, 0.0)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_s = loop.time() + _BEAT_S
        self._beat = loop.call_at(self._due_s, self._struck, loop)

    def _struck(self, loop: asyncio.AbstractEventLoop) -> None:
        self._late_s = loop.time() - (self._due_s or 0.0)
        self._begin(loop)


class Admitted:
    """ASGI middleware around `serving.admission`.

    Args:
        admission: decides.
        retry_after_s: what those who are turned away are told, whole seconds.
    """

    def __init__(
        self, app: ASGIApp, admission: Admission, metrics: Metrics, retry_after_s: int = 1
    ) -> None:
        self._app = app
        self._admission = admission
        self._metrics = metrics
        self._retry_after_s = retry_after_s
        self._lateness = Lateness()
        self._turns: dict[Ticket, asyncio.Future[None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PATHS):
            await self._app(scope, receive, send)
            return
        late_s = self._lateness.now()
        ticket = self._admission.arrived(self._now(), late_s)
        await self._turn(ticket)
        if ticket.verdict != "go":
            await self._shed(ticket.verdict or "late", scope, receive, send)
            return
        try:
            scope[_WAITED_S] = waited_s = self._now() - ticket.arrived_s
            if waited_s > _WORTH_ASKING_S:
                receive = heard = _Heard(receive)
                if await heard.has_gone():
                    self._metrics.shed.labels("gone").inc()
                    return
            await self._app(scope, receive, send)
        finally:
            self._left()

    async def _turn(self, ticket: Ticket) -> None:
        """Wait until it is decided about `ticket`."""
        if ticket.verdict is not None:
            return
        turn = self._turns[ticket] = asyncio.get_running_loop().create_future()
        left_s = self._admission.patience_s - (self._now() - ticket.arrived_s)
        try:
            await asyncio.wait([turn], timeout=max(left_s, 0.0))
            self._admission.withdraw(ticket, "late")
        except BaseException:
            self._admission.withdraw(ticket, "gone")
            if ticket.verdict == "go":
                self._left()
            raise
        finally:
            del self._turns[ticket]

    def _left(self) -> None:
        for ticket in self._admission.left(self._now()):
            turn = self._turns[ticket]
            if not turn.done():
                turn.set_result(None)

    async def _shed(self, reason: Shed, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.shed.labels(reason).inc()
        text = f"{SHED_REASONS[reason]} Ask again in {self._retry_after_s} s."
        headers = {"Retry-After": str(self._retry_after_s)}
        await JSONResponse({"detail": text}, 503, headers)(scope, receive, send)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def waited_s(scope: Mapping[str, Any]) -> float:
    """How long a request had waited when its turn came, seconds: of its budget, that is gone."""
    waited: float = scope.get(_WAITED_S, 0.0)
    return waited


class _Heard:
    """Messages that a client has sent so far, heard before the application asks for them."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    async def __call__(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()

    async def has_gone(self) -> bool:
        """True if the client has hung up, as far as it is known by now."""
        while True:
            message: MutableMapping[str, Any] | None = None
            with anyio.CancelScope() as at_once:
                at_once.cancel()  # what is not there yet is not waited for
                message = await self._receive()
            if message is None:
                return False
            if message["type"] == "http.disconnect":
                return True
            self._messages.append(message)
