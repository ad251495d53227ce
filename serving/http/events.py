"""`POST /v1/events` and `PUT /v1/items`: events into Kafka."""

import uuid
from typing import Any

import msgspec
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from features.attributes import item_version, user_version
from millstream.clock import Clock
from millstream.codec import from_object, with_defaults
from millstream.errors import InvalidEvent, LogUnavailable
from millstream.events import AnyEvent, Event, ItemUpsert, UserUpsert
from serving.feeds.publisher import Publisher
from serving.http.schemas import EventError, EventsAnswer
from serving.metrics import Metrics

MAX_BATCH = 5_000

_GONE = """Kafka did not take the events in time; some may still arrive. Send them again: events
that carry an `event_id` of yours have no second effect."""


def routes(publisher: Publisher, metrics: Metrics, clock: Clock) -> APIRouter:
    """The events' routes."""
    router = APIRouter(prefix="/v1", tags=["events"])
    intake = Intake(publisher, metrics, clock)
    answers: dict[int | str, dict[str, Any]] = {
        422: {
            "model": EventsAnswer,
            "description": "No event was accepted; each error has a path.",
        },
        503: {"description": _GONE},
    }

    @router.post(
        "/events",
        status_code=202,
        response_model=EventsAnswer,
        responses=answers,
        openapi_extra=_body(_EVENT_EXAMPLE, "One event, or a list of events."),
    )
    async def events(request: Request) -> Response:
        """Publish one event or a list of them; those of a list that are wrong are named."""
        return await intake.take(await request.body(), AnyEvent)

    @router.put(
        "/items",
        status_code=202,
        response_model=EventsAnswer,
        responses=answers,
        openapi_extra=_body(_ITEM_EXAMPLE, "One item, or a list of items."),
    )
    async def items(request: Request) -> Response:
        """Add, change or hide items; they can be retrieved within moments."""
        return await intake.take(await request.body(), ItemUpsert)

    return router


class Intake:
    """Takes bodies apart, checks every event, publishes those that are right."""

    def __init__(self, publisher: Publisher, metrics: Metrics, clock: Clock) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock

    async def take(self, body: bytes, kind: Any) -> Response:
        """202 with the ids of what was accepted, 422 where nothing was."""
        given = _parsed(body)
        is_batch = isinstance(given, list)
        accepted, errors = self._checked(given if is_batch else [given], kind, is_batch)
        outcomes = await self._publisher.publish(accepted)
        if failed := [each for each in outcomes if isinstance(each, LogUnavailable)]:
            self._metrics.events.labels("failed").inc(len(accepted))
            raise HTTPException(503, str(failed[0]))
        self._metrics.events.labels("accepted").inc(len(accepted))
        self._metrics.events.labels("refused").inc(len(errors))
        answer = EventsAnswer(event_ids=[event.event_id for event in accepted], errors=errors)
        return JSONResponse(answer.model_dump(), 202 if accepted or not errors else 422)

    def _checked(
        self, given: list[Any], kind: Any, is_batch: bool
    ) -> tuple[list[Event], list[EventError]]:
        accepted: list[Event] = []
        errors: list[EventError] = []
        for place, value in enumerate(given):
            try:
                accepted.append(self._event(value, kind))
            except InvalidEvent as error:
                path = f"$[{place}]{error.path[1:]}" if is_batch else error.path
                errors.append(EventError(path=path, reason=error.reason))
        return accepted, errors

    def _event(self, value: Any, kind: Any) -> Event:
        whole = with_defaults(value, uuid.uuid4().hex, self._clock.now())
        if kind is ItemUpsert and isinstance(whole, dict):
            whole = {"type": "item", **whole}
        event: Event = from_object(whole, kind)
        if isinstance(event, ItemUpsert):
            item_version(event)  # attributes of the wrong type are found here
        if isinstance(event, UserUpsert):
            user_version(event)
        return event


def _parsed(body: bytes) -> Any:
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HTTPException(422, f"Expected JSON. Received: {error}") from error
    if isinstance(given, list) and len(given) > MAX_BATCH:
        raise HTTPException(
            413, f"A list must have at most {MAX_BATCH} events. Received: {len(given)}."
        )
    return given


_EVENT_EXAMPLE = {"type": "interaction", "user_id": "196", "item_id": "242", "kind": "click"}
_ITEM_EXAMPLE = {"item_id": "new-1", "title": "A new one", "categories": ["Drama"]}


def _body(example: dict[str, Any], text: str) -> dict[str, Any]:
    """The request body for the OpenAPI page: it is checked by `millstream.codec`."""
    one = {"type": "object", "example": example}
    schema = {"oneOf": [one, {"type": "array", "items": one, "maxItems": MAX_BATCH}]}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "description": text, "content": content}}
