"""Refusals: errors by the path of the field, and answers that middleware gives by itself."""

import reprlib
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import HTTPException
from starlette.types import Send

# A body of a thousand wrong ids needs no thousand errors.
MAX_ERRORS = 20

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80
_REPR.maxlevel = 2


class RefusedBody(HTTPException):
    """422: each error names its field by its path, `$.filters.ranges`, and says what is wrong."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        self.errors = [{"path": path, "reason": reason} for path, reason in errors[:MAX_ERRORS]]
        super().__init__(422, detail=self.errors)


def path_of(steps: Sequence[Any]) -> str:
    """The JSON path of what keys and indices lead to.

    >>> path_of(["filters", "categories", 0])
    '$.filters.categories[0]'
    """
    return "$" + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)


def shortened(value: Any) -> str:
    """A value as an error quotes it, however large it is."""
    return _REPR.repr(value)


def reason_of(error: dict[str, Any]) -> str:
    """Reason of one pydantic error, and what was received."""
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"{text}. Received: {shortened(error['input'])}" if "input" in error else text


async def refuse(
    send: Send, status: int, text: str, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Answer a request from middleware, in the form of every other refusal."""
    body = msgspec.json.encode({"detail": text})
    head = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
