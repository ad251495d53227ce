"""`POST /v1/recommend`, `GET /v1/similar/{item_id}`, `GET /v1/popular`."""

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi import Query as Parameter

from millstream.sessions import session_user
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.filters import Filters, Range, choosable, rangeable
from serving.http.admission import waited_s
from serving.http.bodies import validated
from serving.http.near import unknown_name
from serving.http.openapi import REFUSALS, body_of
from serving.http.refusal import RefusedBody
from serving.http.schemas import (
    MAX_K,
    Category,
    FiltersBody,
    ItemAnswer,
    ItemsAnswer,
    ListAnswer,
    RecommendBody,
)
from serving.http.strict_route import StrictRoute
from serving.recommend.lists import ItemList, Lists
from serving.recommend.options import ListOptions
from serving.recommend.query import Query, Recommendation, Recommended
from serving.recommend.recommender import Recommender

Count = Annotated[int, Parameter(ge=1, le=MAX_K, description="How many items.")]


def routes(
    recommender: Recommender, lists: Lists, catalogue: Catalogue, options: ListOptions
) -> APIRouter:
    """The lists' routes."""
    known = {"ranges": rangeable(catalogue), "values": choosable(catalogue)}
    router = APIRouter(prefix="/v1", tags=["lists"], route_class=StrictRoute, responses=REFUSALS)

    @router.post("/recommend", response_model=ListAnswer, openapi_extra=body_of("RecommendBody"))
    async def recommend(request: Request) -> Response:
        """A personal list. What is gone is done without, and `degraded` names it.

        A visitor without an account has a `session_id`, or nothing: what follows from such a list
        is joined by its `request_id`.
        """
        body = validated(RecommendBody, await request.body())
        _check_names(body.filters, known)
        if body.placement is not None and body.placement not in options.placements:
            there = ", ".join(options.placements) or "which there are none"
            reason = f"Expected one of the placements: {there}. Received: {body.placement!r}."
            raise RefusedBody([("$.placement", reason)])
        waited = waited_s(request.scope)
        query = _query(body, options.at(body.placement or "").k, waited)
        return _as_json(_answer(await recommender.recommend(query)))

    @router.get("/similar/{item_id:id}", response_model=ItemsAnswer)
    async def similar(item_id: str, k: Count = 10) -> Response:
        """Items like this one."""
        found = lists.similar(item_id, k)
        if found is None:
            shown = f"{item_id[:256]!r}"
            raise HTTPException(404, f"`item_id` must be a known item. Received: {shown}.")
        return _as_json(_list_answer(found))

    @router.get("/popular", response_model=ItemsAnswer)
    async def popular(
        k: Count = 10, category: Annotated[Category | None, Parameter()] = None
    ) -> Response:
        """Most popular items now, of all items or of one category."""
        return _as_json(_list_answer(lists.popular(k, category)))

    return router


def _as_json(answer: ListAnswer | ItemsAnswer) -> Response:
    """The answer as it is described; FastAPI would check once more what has been checked."""
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


def _check_names(filters: FiltersBody, known: Mapping[str, list[str]]) -> None:
    for key, names in known.items():
        for name in getattr(filters, key):
            if name not in names:
                raise RefusedBody([(f"$.filters.{key}.{name[:100]}", unknown_name(name, names))])


def _query(body: RecommendBody, k: int, waited: float) -> Query:
    filters = body.filters
    ranges = {name: Range(r.at_least, r.at_most) for name, r in filters.ranges.items()}
    request_id = uuid.uuid4().hex
    return Query(
        user_id=body.user_id or session_user(body.session_id or request_id),
        request_id=request_id,
        recent_items=body.recent_items,
        session_user=session_user(body.session_id) if body.user_id and body.session_id else "",
        k=body.k or k,
        placement=body.placement or "",
        context=body.context,
        filters=Filters(
            filters.categories, filters.exclude_categories, ranges, values=filters.values
        ),
        exclude=body.exclude,
        diversity=body.diversity,
        explain=body.explain,
        waited_s=waited,
    )


def _answer(made: Recommendation) -> ListAnswer:
    explain = made.query.explain
    return ListAnswer(
        request_id=made.request_id,
        placement=made.query.placement or None,
        items=[_item(item, explain) for item in made.items],
        model_version=made.model_version,
        score_version=made.score_version or None,
        degraded=list(made.degraded),
        user_features=dict(made.user_features) if explain else None,
    )


def _list_answer(found: ItemList) -> ItemsAnswer:
    return ItemsAnswer(
        items=[_item(item, explain=False) for item in found.items],
        model_version=found.model_version,
        degraded=list(found.degraded),
    )


def _item(item: Recommended, explain: bool) -> ItemAnswer:
    return ItemAnswer(
        item_id=item.item_id,
        title=item.title,
        score=item.score,
        sources=list(item.sources),
        position=item.position,
        propensity=item.propensity if explain else None,
        features=dict(item.features) if explain else None,
        task_scores=dict(item.task_scores) if explain else None,
    )
