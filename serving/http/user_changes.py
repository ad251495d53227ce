"""Changes of one person: put, patched, erased.

A patch is laid over the newest upsert that this worker knows: of those in the online store and
those that it has published itself. Patches of one worker follow one another; two workers that patch
the same person within the moment that the stream takes may lose one of the patches.
"""

import asyncio
import math

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from millstream.clock import Clock
from millstream.errors import StoreUnavailable
from millstream.events import UserUpsert
from millstream.topics import USERS
from serving.http.bodies import DecodedBody, decoded, read
from serving.http.guard import caller_of
from serving.http.intake import EventIntake, audit
from serving.http.item_changes import (
    STEP_S,
    Remove,
    check_id,
    check_patch,
    merged,
    named,
    unavailable,
    unknown,
)
from serving.people import People


class UserChanges:
    """Changes of single users.

    Args:
        remove: takes a key out of a compacted topic.
        intake: checks and publishes upserts.
    """

    def __init__(self, people: People, remove: Remove, intake: EventIntake, clock: Clock) -> None:
        self._people, self._remove = people, remove
        self._intake, self._clock = intake, clock
        self._one = asyncio.Lock()

    async def put(self, request: Request, user_id: str) -> Response:
        """Publish a user as a whole."""
        body = named(read(await request.body()), "user_id", user_id)
        return await self._intake.take_body(request, body, UserUpsert)

    async def patch(self, request: Request, user_id: str) -> Response:
        """Lay a JSON merge patch (RFC 7396) over the newest upsert of a user."""
        patch = decoded(await request.body())
        check_patch(patch, "user_id", user_id)
        async with self._one:
            try:
                person = await self._people.person(user_id)
            except StoreUnavailable as error:
                return unavailable(error)
            if person is None:
                raise unknown("user_id", user_id)
            base = {"user_id": user_id, "attributes": person.attributes}
            after = person.version.event_time + STEP_S if person.version else 0.0
            value = {**merged(base, patch), "event_time": max(self._clock.now(), after)}
            return await self._intake.take_body(request, DecodedBody(value), UserUpsert)

    async def erase(self, request: Request, user_id: str) -> Response:
        """Ask for the erasure of a person: a tombstone in the log."""
        check_id(user_id, "user_id")
        time_ms = math.ceil(self._clock.now() * 1000)
        if (refusal := await self._remove(USERS, user_id, time_ms)) is not None:
            return unavailable(refusal)
        self._people.forget(user_id)
        try:
            await self._people.note_asked(user_id)
        except StoreUnavailable as error:
            return unavailable(error)
        audit(request, caller_of(request.scope), "1 person to be erased")
        return JSONResponse({"user_id": user_id, "stage": "asked", "done": False}, 202)
