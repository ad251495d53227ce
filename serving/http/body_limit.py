"""Bodies are bounded before anything reads them, as they are sent and as they are inflated."""

import zlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.refusal import refuse

_BODILESS = {"GET", "HEAD", "OPTIONS"}
_AT_A_TIME = 20
_GZIP = 31  # zlib's word for a gzip header and 32 KiB of window

_HEADERS = {415: ((b"accept-encoding", b"gzip"),), 503: ((b"retry-after", b"1"),)}


class _Refused(Exception):
    """Refusal of a body, as an answer says it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class _Gone(Exception):
    """The client went before its body had come."""


class BodyLimit:
    """ASGI middleware: reads the whole body, at most `most_bytes` of it, and inflates gzip.

    All bodies that are read at a time may hold `_AT_A_TIME` times as much; above it is 503.
    """

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _BODILESS:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._body(Headers(scope=scope), receive)
        except _Refused as refused:
            await refuse(send, refused.status, refused.text, _HEADERS.get(refused.status, ()))
        except _Gone:
            return
        else:
            await self._app(scope, _replay(body, receive), send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise _Refused(415, f"Expected `Content-Encoding: gzip` or none. Received: {encoding}.")
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most_bytes:
            raise self._too_large(f"{length} bytes")
        body = await self._read(receive)
        return self._inflated(body) if encoding == "gzip" else body

    async def _read(self, receive: Receive) -> bytes:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            return self._bounded(message.get("body", b""))
        parts, size = [], 0
        try:
            while message["type"] == "http.request":
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                self._held_bytes += len(parts[-1])
                if size > self._most_bytes:
                    raise self._too_large("more")
                if self._held_bytes > _AT_A_TIME * self._most_bytes:
                    raise _Refused(503, "Too many large bodies at a time. Send it again.")
                if not message.get("more_body", False):
                    return b"".join(parts)
                message = await receive()
        finally:
            self._held_bytes -= size
        raise _Gone

    def _bounded(self, body: bytes) -> bytes:
        if len(body) > self._most_bytes:
            raise self._too_large(f"{len(body)} bytes")
        return body

    def _inflated(self, body: bytes) -> bytes:
        """All members of a gzip file; no more is inflated than may be."""
        parts: list[bytes] = []
        room = self._most_bytes
        while body:
            inflate = zlib.decompressobj(wbits=_GZIP)
            try:
                parts.append(inflate.decompress(body, room + 1))
            except zlib.error as error:
                raise _Refused(422, f"Expected a body in gzip. Received: {error}.") from error
            room -= len(parts[-1])
            if room < 0:
                raise self._too_large("more once it is inflated")
            if not inflate.eof:
                raise _Refused(422, "Expected a body in gzip. Received: one that is cut short.")
            body = inflate.unused_data
        return b"".join(parts)

    def _too_large(self, received: str) -> _Refused:
        limit = f"at most {self._most_bytes} bytes (MILLSTREAM_MAX_BODY_BYTES)"
        return _Refused(413, f"A body must have {limit}. Received: {received}.")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Receiver of the application: the body at once, then what comes after it."""
    is_given = False

    async def replayed() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
