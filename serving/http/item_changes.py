"""Changes of one item: put, patched, deleted, each newer than all that is known of it.

An upsert in the log is the whole item (`serving/http/whole_items.py`), so a patch is laid over the
newest upsert that this worker has read, once it has read all that the log held. Patches of one
worker follow one another. Another worker may change the same item at the same time, and its upsert
would be lost beneath the patch: so a patch then reads what came meanwhile, and where that is not
the upsert that it was laid over, is laid over it anew.
"""

import asyncio
import contextlib
import math
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse

from features.upserts import UpsertVersion
from features.validation import PROBE_PREFIX
from millstream.clock import Clock
from millstream.errors import InvalidEvent, LogUnavailable
from millstream.events import ItemUpsert
from millstream.topics import ITEMS, Topic
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.whole import whole_item
from serving.http.bodies import DecodedBody, decoded, read
from serving.http.guard import caller_of
from serving.http.intake import EventIntake, audit
from serving.http.refusal import RefusedBody, shortened
from serving.http.schemas import EventsAnswer

# How often a patch is laid over anew before its sender has to.
_ATTEMPTS = 5
# A change is so much newer than what it changes, seconds: what a Kafka record can tell apart.
STEP_S = 0.001
_GIVEN = ("event_id", "event_time", "type", "schema_version", "is_probe")
_RETRY_AFTER = {"Retry-After": "1"}

Remove = Callable[[Topic, str, int], Awaitable[Exception | None]]


class ItemChanges:
    """Changes of single items.

    Args:
        read_to_end: waits until the catalogue has all that its topic holds now.
        remove: takes a key out of a compacted topic.
        intake: checks and publishes upserts.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        read_to_end: Callable[[], Awaitable[None]],
        remove: Remove,
        intake: EventIntake,
        clock: Clock,
    ) -> None:
        self._catalogue, self._read_to_end, self._remove = catalogue, read_to_end, remove
        self._intake, self._clock = intake, clock
        self._one = asyncio.Lock()

    async def put(self, request: Request, item_id: str) -> Response:
        """Publish an item as a whole, newer than what is known of it unless it has a time."""
        body = named(read(await request.body()), "item_id", item_id)
        if not body.faults and "event_time" not in body.value:
            await self._try_to_read()
            body = DecodedBody({**body.value, "event_time": self._next_s(item_id)})
        return await self._intake.take_body(request, body, ItemUpsert)

    async def patch(self, request: Request, item_id: str) -> Response:
        """Lay a JSON merge patch (RFC 7396) over the newest upsert of an item."""
        patch = decoded(await request.body())
        check_patch(patch, "item_id", item_id)
        async with self._one:
            with self._catalogue.watched(item_id) as seen:
                return await self._patched(request, item_id, patch, seen)

    async def delete(self, request: Request, item_id: str) -> Response:
        """Publish a tombstone."""
        check_id(item_id, "item_id")
        await self._try_to_read()
        time_ms = math.ceil(self._next_s(item_id) * 1000)
        if (error := await self._remove(ITEMS, item_id, time_ms)) is not None:
            return unavailable(error)
        audit(request, caller_of(request.scope), "1 item deleted")
        return JSONResponse({"event_ids": [], "errors": []}, 202)

    async def _patched(
        self, request: Request, item_id: str, patch: Mapping[str, Any], seen: list[ItemUpsert]
    ) -> Response:
        try:
            await self._read_to_end()
            if (known := whole_item(self._catalogue, item_id)) is None:
                raise unknown("item_id", item_id)
            base, version = known.fields(), known.version
            own: set[str] = set()
            for _ in range(_ATTEMPTS):
                seen.clear()
                event_id, at_s = uuid.uuid4().hex, max(self._next_s(item_id), version[0] + STEP_S)
                own.add(event_id)
                value = {**merged(base, patch), "event_id": event_id, "event_time": at_s}
                answer = await self._intake.take_body(request, DecodedBody(value), ItemUpsert)
                if answer.status_code != 202:
                    return answer
                await self._read_to_end()
                newer = [e for e in seen if e.event_id not in own and _version(e) > version]
                if not newer:
                    return answer
                newest = max(newer, key=_version)
                base, version = _fields(newest), _version(newest)
        except (LogUnavailable, TimeoutError) as error:
            return unavailable(error)
        return unavailable(LogUnavailable("Others change the same item at this moment."))

    async def _try_to_read(self) -> None:
        with contextlib.suppress(LogUnavailable, TimeoutError):
            await self._read_to_end()

    def _next_s(self, item_id: str) -> float:
        """A time past that of all that is known of an item, Unix seconds."""
        now_s, version = self._clock.now(), self._catalogue.version(item_id)
        return max(now_s, version.event_time + STEP_S) if version else now_s


def merged(known: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with a merge patch over it.

    Reference: RFC 7396, https://www.rfc-editor.org/rfc/rfc7396.

    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": 4}})
    {'b': {'c': 4, 'd': 3}}
    """
    found = dict(known)
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            below = found.get(name)
            found[name] = merged(below if isinstance(below, Mapping) else {}, value)
        else:
            found[name] = value
    return found


def named(body: DecodedBody, name: str, entity_id: str) -> DecodedBody:
    """A body with the id that its address has.

    Raises:
        RefusedBody: it is no object, or has another id.
    """
    if body.faults:
        return body
    check_object(body.value, name, entity_id)
    return DecodedBody({**body.value, name: entity_id})


def check_patch(patch: Any, name: str, entity_id: str) -> None:
    """Raise `RefusedBody` where a patch is no object, or says what only the server does."""
    check_object(patch, name, entity_id)
    if given := [each for each in _GIVEN if each in patch]:
        reason = "Expected none: the server gives a patch its id and time. Received: "
        raise RefusedBody([(f"$.{each}", reason + shortened(patch[each])) for each in given])


def check_object(value: Any, name: str, entity_id: str) -> None:
    """Raise `RefusedBody` where a body is no object, or has another id than its address."""
    check_id(entity_id, name)
    if not isinstance(value, dict):
        raise RefusedBody([("$", f"Expected an object. Received: {shortened(value)}.")])
    if str(value.get(name, entity_id)) != entity_id:
        text = f"Expected {shortened(entity_id)}, as the address has it. "
        raise RefusedBody([(f"$.{name}", f"{text}Received: {shortened(value[name])}.")])


def check_id(entity_id: str, name: str) -> None:
    """Raise `RefusedBody` where an id is one of a probe."""
    if entity_id.startswith(PROBE_PREFIX):
        text = f"Expected an id that does not begin with {PROBE_PREFIX!r}. "
        raise RefusedBody([(f"$.{name}", f"{text}Received: {shortened(entity_id)}.")])


def unknown(name: str, entity_id: str) -> HTTPException:
    """404 for an id that is not known."""
    return HTTPException(404, f"`{name}` must be known. Received: {entity_id[:256]!r}.")


def unavailable(error: Exception) -> Response:
    """503 to send again, or 413 where the log never takes it."""
    is_final = isinstance(error, InvalidEvent)
    answer = EventsAnswer(event_ids=[], detail=str(error) or "Kafka did not answer in time.")
    body = answer.model_dump(exclude_none=True)
    return JSONResponse(body, 413) if is_final else JSONResponse(body, 503, _RETRY_AFTER)


def _version(event: ItemUpsert) -> UpsertVersion:
    return UpsertVersion(event.event_time, event.event_id)


def _fields(event: ItemUpsert) -> dict[str, Any]:
    """An upsert's fields, without its id and time."""
    own = {"title": event.title, "created_at": event.created_at or event.event_time}
    return {
        "item_id": event.item_id,
        "categories": list(event.categories),
        "attributes": dict(event.attributes),
        "hidden": event.hidden,
        **{name: value for name, value in own.items() if value is not None},
    }
