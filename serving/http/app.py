"""The HTTP application: routes, errors, measuring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from millstream import __version__
from serving.http import events, items, operations, pages, recommend, users
from serving.http.admission import Admitted
from serving.http.body_limit import BodyLimit
from serving.http.foreign_origin import ForeignOrigin
from serving.http.guard import Guard
from serving.http.intake import MAX_BATCH, EventIntake
from serving.http.item_changes import ItemChanges
from serving.http.measured import Measured
from serving.http.openapi import describe
from serving.http.refusal import RefusedBody, path_of, reason_of
from serving.http.response_headers import ResponseHeaders
from serving.http.user_changes import UserChanges
from serving.http.whole_items import WholeItems
from serving.security.access import access_from_settings
from serving.security.rates import rates_from_settings
from serving.wiring import ServingWorker

_TEXT = """Recommendations that learn while people click. Publish events, ask for lists.

Every answer names the snapshot that made it and, in `degraded`, what had to be done without."""


def create_app(worker: ServingWorker) -> FastAPI:
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
        redirect_slashes=False,
    )
    whole = WholeItems(worker.catalogue, worker.items_consumer.read_to_end)
    intake = EventIntake(worker.producer, worker.metrics, worker.clock, whole, worker.door)
    lists = recommend.routes(worker.recommender, worker.lists, worker.catalogue, worker.options)
    app.include_router(lists)
    app.include_router(events.routes(intake))
    changes = ItemChanges(
        worker.catalogue,
        worker.items_consumer.read_to_end,
        worker.producer.remove,
        intake,
        worker.clock,
    )
    app.include_router(items.routes(worker.catalogue, changes, worker.clock))
    people = UserChanges(worker.people, worker.producer.remove, intake, worker.clock)
    app.include_router(users.routes(worker.people, people))
    app.include_router(operations.routes(worker.together.metrics, worker.together.readiness))
    app.include_router(pages.routes())
    app.add_exception_handler(RequestValidationError, _invalid)
    describe(app, MAX_BATCH)
    _surround(app, worker)
    return app


def _surround(app: FastAPI, worker: ServingWorker) -> None:
    """Everything around the routes; what is added last is the outermost."""
    settings, origins = worker.settings, worker.settings.cors_origins
    # Inside of what reads bodies: a client that is slow to send one takes no turn meanwhile.
    app.add_middleware(Admitted, admission=worker.admission, metrics=worker.metrics)
    app.add_middleware(BodyLimit, most_bytes=settings.max_body_bytes)
    app.add_middleware(
        Guard, access=access_from_settings(settings), rates=rates_from_settings(settings)
    )
    app.add_middleware(ForeignOrigin, allowed=origins)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"]
        )
    if settings.allowed_hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(ResponseHeaders, policies=pages.policies())
    app.add_middleware(Measured, metrics=worker.metrics)


async def _invalid(request: Request, error: Exception) -> Response:
    """Answer for faults that FastAPI found in parameters, in the form of every other refusal."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    refused = RefusedBody([(path_of(each["loc"][1:]), reason_of(each)) for each in found])
    return JSONResponse({"detail": refused.errors}, 422)
