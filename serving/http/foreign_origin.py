"""Web pages of others must not write through a visitor's browser.

A page may send a form or plain text to any address without asking; for JSON, or with a key in a
header, the browser asks first (CORS), and is told no unless the page's origin is allowed.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.refusal import refuse

_READS = {"GET", "HEAD", "OPTIONS"}


class ForeignOrigin:
    """ASGI middleware: 403 for what a foreign page sends without its browser having asked.

    Args:
        allowed: origins of pages that may; `*` is any.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READS:
            headers = Headers(scope=scope)
            if "origin" in headers and not self._may(headers):
                text = "Expected `Content-Type: application/json` from a page of another origin."
                received = f"{headers['origin']!r}, {headers.get('content-type', 'no type')!r}"
                await refuse(send, 403, f"{text} Received: {received}.")
                return
        await self._app(scope, receive, send)

    def _may(self, headers: Headers) -> bool:
        origin = headers["origin"]
        if origin in self._allowed or "*" in self._allowed:
            return True
        if urlsplit(origin).netloc == headers.get("host", ""):
            return True
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "application/json" or "authorization" in headers or "x-api-key" in headers
