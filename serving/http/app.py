"""The HTTP application: routes, errors, measuring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from millstream import __version__
from serving.catalogue.filters import rangeable
from serving.http import events, operations, pages, recommend
from serving.http.admission import Admitted
from serving.http.measured import Measured
from serving.wiring import Worker

_TEXT = """Recommendations that learn while people click. Publish events, ask for lists.

Every answer names the snapshot that made it and, in `degraded`, what had to be done without."""


def create_app(worker: Worker) -> FastAPI:
    """The application of one worker; its life is the worker's."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with worker.running():
            yield

    app = FastAPI(
        title="Millstream",
        description=_TEXT,
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    ranges = rangeable(worker.catalogue)
    app.include_router(recommend.routes(worker.recommender, worker.lists, ranges))
    app.include_router(events.routes(worker.publisher, worker.metrics, worker.clock))
    app.include_router(operations.routes(worker.metrics.registry, worker.readiness))
    app.include_router(pages.routes())
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(Admitted, admission=worker.admission, metrics=worker.metrics)
    app.add_middleware(Measured, metrics=worker.metrics)
    return app


async def _invalid(request: Request, error: Exception) -> Response:
    """422: each error names its field by its path, `$.filters.ranges`, and says what is wrong."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    detail = [{"path": _path(each["loc"]), "reason": _reason(each)} for each in found]
    return JSONResponse({"detail": detail}, 422)


def _path(location: tuple[Any, ...]) -> str:
    steps = location[1:] if location and location[0] in ("body", "query", "path") else location
    return "$" + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)


def _reason(error: dict[str, Any]) -> str:
    received = "" if "input" not in error else f" Received: {error['input']!r}"[:200]
    return f"{error['msg']}.{received}" if received else str(error["msg"])
