"""Headers of every answer: nothing is guessed, framed, or loaded from elsewhere."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
# Answers are data: where a browser shows one all the same, it runs nothing in it.
_OF_DATA = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class ResponseHeaders:
    """ASGI middleware.

    Args:
        policies: the content security policy of each page, by its path.
    """

    def __init__(self, app: ASGIApp, policies: Mapping[str, str]) -> None:
        self._app = app
        self._policies = {
            path: (b"content-security-policy", policy.encode()) for path, policy in policies.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = self._policies.get(scope["path"], _OF_DATA)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_ALWAYS, policy]
            await send(message)

        await self._app(scope, receive, with_headers)
