"""Nobody gets in who should not: keys, scopes, and how many requests each caller may send."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.refusal import refuse
from serving.security.access import Access
from serving.security.keys import Caller
from serving.security.rates import Rates

_CALLER = "millstream.caller"
_CHALLENGE = ((b"www-authenticate", b'Bearer realm="millstream"'),)


class Guard:
    """ASGI middleware: 401 without a known key, 403 without the scope, 429 above the limits."""

    def __init__(self, app: ASGIApp, access: Access, rates: Rates) -> None:
        self._app = app
        self._access = access
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        needed = self._access.needed(scope["path"]) if scope["type"] == "http" else None
        if not needed:
            await self._app(scope, receive, send)
            return
        caller = self._caller(scope)
        if caller is None:
            text = "Expected an API key that is known, in `Authorization: Bearer` or `X-API-Key`."
            await refuse(send, 401, text, _CHALLENGE)
        elif not needed & caller.scopes:
            text = f"Expected the scope {' or '.join(map(repr, sorted(needed)))}."
            await refuse(send, 403, f"{text} Received: {_received(caller)}.")
        elif caller.limits and (wait_s := await self._wait_s(scope, caller)):
            text = f"Too many requests: at most {', '.join(map(str, caller.limits))}."
            await refuse(send, 429, text, ((b"retry-after", str(wait_s).encode()),))
        else:
            scope[_CALLER] = caller
            await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller | None:
        if not self._access.keys:
            return self._access.anonymous
        return self._access.keys.caller(_presented(Headers(scope=scope)))

    async def _wait_s(self, scope: Scope, caller: Caller) -> int:
        return await self._rates.wait_s(
            f"key:{caller.name}" if caller.name else f"address:{_network(scope)}", caller.limits
        )


def caller_of(scope: Mapping[str, Any]) -> Caller:
    """Caller of a request that the guard let through."""
    caller: Caller = scope[_CALLER]
    return caller


def _received(caller: Caller) -> str:
    name = f"key {caller.name!r}" if caller.name else "no key"
    return f"{name} with {', '.join(map(repr, sorted(caller.scopes))) or 'none'}"


def _presented(headers: Headers) -> str:
    given = headers.get("authorization", "")
    kind, _, key = given.partition(" ")
    return key.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")


def _network(scope: Scope) -> str:
    """The client's address; of IPv6 the network that one customer has, not one of its many."""
    host = str(scope["client"][0]) if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
