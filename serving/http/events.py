"""`POST /v1/events` and `PUT /v1/items`: events into Kafka."""

from typing import Any

from fastapi import APIRouter, Request, Response

from millstream.domain import domain
from millstream.domain.examples import event_example, item_example
from millstream.events import AnyEvent, ItemUpsert
from serving.http.intake import EventIntake
from serving.http.openapi import REFUSALS, body_of
from serving.http.schemas import EventsAnswer
from serving.http.strict_route import StrictRoute

_EVENT_EXAMPLE = event_example(domain())
_ITEM_EXAMPLE = item_example(domain())
_NOTHING_TAKEN = "No event was accepted; each error names its event and its field by its path."
_GONE = """Kafka did not take the events that `errors` names in time; some may still arrive. Send
them again: events that carry an `event_id` of yours have no second effect."""


def routes(intake: EventIntake) -> APIRouter:
    """The events' routes."""
    router = APIRouter(prefix="/v1", tags=["events"], route_class=StrictRoute)
    answers: dict[int | str, dict[str, Any]] = {
        **REFUSALS,
        422: {"model": EventsAnswer, "description": _NOTHING_TAKEN},
        503: {"model": EventsAnswer, "description": _GONE},
    }

    @router.post(
        "/events",
        status_code=202,
        response_model=EventsAnswer,
        responses=answers,
        openapi_extra=body_of("AnyEventOrList", example=_EVENT_EXAMPLE),
    )
    async def events(request: Request) -> Response:
        """Publish one event or a list of them; those of a list that are wrong are named.

        Impressions and probes need a scope of their own: serving and `millstream probe` write them.
        """
        return await intake.take(request, AnyEvent)

    @router.put(
        "/items",
        status_code=202,
        response_model=EventsAnswer,
        responses=answers,
        openapi_extra=body_of("ItemOrList", example=_ITEM_EXAMPLE),
    )
    async def items(request: Request) -> Response:
        """Add, change or hide items; they can be retrieved within moments.

        An item is sent as a whole: what is left out is gone. Only where nothing but `hidden` is
        said does the item keep its title, categories, attributes and time.
        """
        return await intake.take(request, ItemUpsert)

    return router
