"""`GET/PUT/PATCH/DELETE /v1/users/{user_id}`: what is known of a person, and its erasure."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from features.spec import RECENT
from millstream.errors import StoreUnavailable
from serving.http.item_changes import check_id, unavailable, unknown
from serving.http.openapi import REFUSALS, UNKNOWN, body_of
from serving.http.schemas import ErasureAnswer, EventsAnswer, MergeAnswer, UserAnswer
from serving.http.strict_route import StrictRoute
from serving.http.user_changes import UserChanges
from serving.people import People

UserId = Annotated[str, Path(min_length=1, max_length=256)]
SessionId = Annotated[str, Path(min_length=1, max_length=256)]
_EXAMPLE = {"attributes": {"age": 30}}


def routes(people: People, changes: UserChanges) -> APIRouter:
    """The routes of single users."""
    router = APIRouter(
        prefix="/v1", tags=["people"], route_class=StrictRoute, responses={**REFUSALS, **UNKNOWN}
    )
    accepted: dict[str, Any] = {"status_code": 202, "response_model": EventsAnswer}

    @router.get("/users/{user_id:id}/erasure", response_model=ErasureAnswer)
    async def erasure(user_id: UserId) -> Response:
        """How far the newest erasure of a person has come; `done` when nothing is left to do."""
        try:
            found = await people.erasure(user_id)
        except StoreUnavailable as error:
            return unavailable(error)
        if not found.is_asked:
            raise unknown("user_id", user_id)
        answer = ErasureAnswer(
            user_id=user_id,
            stage=found.stage,
            done=found.stage == "done",
            asked_at=found.asked_at,
            online_at=found.online_at,
            model_at=found.model_at,
            offline_at=found.offline_at,
        )
        return _as_json(answer)

    @router.put("/users/{user_id:id}/sessions/{session_id:id}", response_model=MergeAnswer)
    async def merge_session(user_id: UserId, session_id: SessionId) -> Response:
        """Say, as after a login, that a session is a user: in lists they have met what it met.

        Asked again, it takes up what the session met since, and else changes nothing.
        """
        check_id(user_id, "user_id")
        check_id(session_id, "session_id")
        try:
            merged = await people.merge_session(user_id, session_id)
        except StoreUnavailable as error:
            return unavailable(error)
        return _as_json(
            MergeAnswer(user_id=user_id, session_id=session_id, recent_items=merged.recent)
        )

    @router.get("/users/{user_id:id}", response_model=UserAnswer)
    async def get(user_id: UserId) -> Response:
        """All that is known of a person now: attributes, features, items they met lately."""
        try:
            person = await people.person(user_id)
        except StoreUnavailable as error:
            return unavailable(error)
        if person is None:
            raise unknown("user_id", user_id)
        answer = UserAnswer(
            user_id=user_id,
            attributes=person.attributes,
            event_time=person.version.event_time if person.version else None,
            features=person.features,
            recent_items=person.features[RECENT],
        )
        return _as_json(answer)

    @router.put(
        "/users/{user_id:id}", **accepted, openapi_extra=body_of("UserFields", example=_EXAMPLE)
    )
    async def put(user_id: UserId, request: Request) -> Response:
        """Add a user, or replace their attributes."""
        return await changes.put(request, user_id)

    @router.patch(
        "/users/{user_id:id}", **accepted, openapi_extra=body_of("UserFields", example=_EXAMPLE)
    )
    async def patch(user_id: UserId, request: Request) -> Response:
        """Change some attributes of a user; null takes one out."""
        return await changes.patch(request, user_id)

    @router.delete("/users/{user_id:id}", status_code=202, response_model=ErasureAnswer)
    async def erase(user_id: UserId, request: Request) -> Response:
        """Erase a person; `GET .../erasure` says when it is done."""
        return await changes.erase(request, user_id)

    return router


def _as_json(answer: UserAnswer | ErasureAnswer | MergeAnswer) -> Response:
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")
