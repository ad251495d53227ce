"""`GET /v1/items` and `GET/PUT/PATCH/DELETE /v1/items/{item_id}`: the catalogue, item by item."""

import base64
import binascii
from bisect import bisect_right
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from fastapi import Query as Parameter

from millstream.clock import Clock
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.whole import WholeItem, whole_item
from serving.http.item_changes import ItemChanges, unknown
from serving.http.openapi import REFUSALS, UNKNOWN, body_of
from serving.http.refusal import RefusedBody, shortened
from serving.http.schemas import CatalogueItem, CataloguePage, EventsAnswer
from serving.http.strict_route import StrictRoute

MAX_PAGE = 1_000

ItemId = Annotated[str, Path(min_length=1, max_length=256)]
Limit = Annotated[int, Parameter(ge=1, le=MAX_PAGE, description="The most items of a page.")]
Cursor = Annotated[
    str, Parameter(max_length=2_000, description="`next_cursor` of the page before.")
]
_EXAMPLE = {"title": "A new one", "categories": ["Drama"]}


def routes(catalogue: Catalogue, changes: ItemChanges, clock: Clock) -> APIRouter:
    """The routes of single items."""
    router = APIRouter(
        prefix="/v1", tags=["catalogue"], route_class=StrictRoute, responses={**REFUSALS, **UNKNOWN}
    )
    accepted: dict[str, Any] = {"status_code": 202, "response_model": EventsAnswer}

    @router.get("/items", response_model=CataloguePage)
    async def page(limit: Limit = 100, cursor: Cursor = "") -> Response:
        """All items with an upsert, page by page, in the order of their ids."""
        found, rest = _page(catalogue, _decoded(cursor), limit)
        items = [_answer(catalogue, item, None) for item in found]
        return _as_json(CataloguePage(items=items, next_cursor=rest and _encoded(rest)))

    @router.get("/items/{item_id:id}", response_model=CatalogueItem)
    async def get(item_id: ItemId) -> Response:
        """An item as its newest upsert says, and its features now."""
        item = whole_item(catalogue, item_id)
        if item is None:
            raise unknown("item_id", item_id)
        return _as_json(_answer(catalogue, item, clock.now()))

    @router.put(
        "/items/{item_id:id}", **accepted, openapi_extra=body_of("ItemFields", example=_EXAMPLE)
    )
    async def put(item_id: ItemId, request: Request) -> Response:
        """Add or replace one item; what is left out is gone, as in `PUT /v1/items`."""
        return await changes.put(request, item_id)

    @router.patch(
        "/items/{item_id:id}",
        **accepted,
        openapi_extra=body_of("ItemFields", example={"hidden": True}),
    )
    async def patch(item_id: ItemId, request: Request) -> Response:
        """Change some fields of an item; null takes one out, attributes are merged by name.

        The answer comes when this worker has the item so, and nobody's change was lost.
        """
        return await changes.patch(request, item_id)

    @router.delete("/items/{item_id:id}", **accepted)
    async def delete(item_id: ItemId, request: Request) -> Response:
        """Take an item out: of lists, of the catalogue, of all that is counted of it.

        An upsert that is newer brings it back, as a new item.
        """
        return await changes.delete(request, item_id)

    return router


def _page(catalogue: Catalogue, after: str, limit: int) -> tuple[list[WholeItem], str | None]:
    """The items that follow `after`, and the last id that was looked at if there are more."""
    ids = catalogue.ordered_ids()
    found: list[WholeItem] = []
    for place in range(bisect_right(ids, after), len(ids)):
        item = whole_item(catalogue, ids[place])
        if item is None or item.item_id.startswith("__probe"):
            continue  # people met it, and the catalogue never had it
        if len(found) == limit:
            return found, found[-1].item_id
        found.append(item)
    return found, None


def _answer(catalogue: Catalogue, item: WholeItem, now_s: float | None) -> CatalogueItem:
    features = None
    if now_s is not None:
        row = catalogue.row(item.item_id)
        rows = np.array([row])
        (features,) = catalogue.raw(rows.tolist(), catalogue.as_of(rows, now_s))
    return CatalogueItem(
        item_id=item.item_id,
        title=item.own.get("title"),
        categories=item.own.get("categories", []),
        created_at=item.own.get("created_at"),
        attributes=item.attributes,
        hidden=item.hidden,
        event_time=item.version.event_time,
        features=features,
    )


def _encoded(item_id: str) -> str:
    return base64.urlsafe_b64encode(item_id.encode()).decode()


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor.encode(), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        text = f"Expected `next_cursor` of an earlier page. Received: {shortened(cursor)}."
        raise RefusedBody([("$.cursor", text)]) from None


def _as_json(answer: CataloguePage | CatalogueItem) -> Response:
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")
