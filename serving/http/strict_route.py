"""Routes that refuse query parameters they do not know, and take ids of any characters."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor

from serving.http.near import unknown_name
from serving.http.refusal import RefusedBody


class IdConvertor(Convertor[str]):
    """The path convertor `id`: any text; Starlette's `path` takes slashes, but no line breaks."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("id", IdConvertor())


class StrictRoute(APIRoute):
    """One route; `/v1/popular?catagory=x` is a 422 that names both."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the check."""
        handle = super().get_route_handler()
        known = frozenset(field.alias for field in self.dependant.query_params)

        async def checked(request: Request) -> Response:
            if request.scope["query_string"]:
                unknown = [name for name in request.query_params if name not in known]
                if unknown:
                    raise RefusedBody([(f"$.{n}", unknown_name(n, known)) for n in unknown])
            return await handle(request)

        return checked
