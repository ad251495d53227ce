"""Event intake: bodies parsed, checked, published, and answered by each event's outcome."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from features.topic_events import STRICT, Door
from features.validation import check_size, event_and_bytes
from millstream.clock import Clock
from millstream.codec import with_defaults
from millstream.errors import InvalidEvent
from millstream.events import AnyEvent, Event, ItemUpsert
from serving.consumers.producer import EventProducer
from serving.http.bodies import DecodedBody, read
from serving.http.guard import caller_of
from serving.http.refusal import path_of
from serving.http.schemas import EventError, EventsAnswer
from serving.http.whole_items import NotCaughtUp, WholeItems
from serving.metrics import Metrics
from serving.security.keys import Caller
from serving.security.scopes import needed_by_event

MAX_BATCH = 5_000

_UNBOUNDED = 1 << 62
_RETRY_AFTER = {"Retry-After": "1"}
_audit = logging.getLogger("millstream.audit")


@dataclass(frozen=True)
class RefusedEvent:
    """Refusal of one event.

    Args:
        place: of the event in its list; None where it came alone.
        status: what the answer is where nothing was taken and all was refused for this.
    """

    place: int | None
    path: str
    reason: str
    status: int = 422

    def error(self) -> EventError:
        """As the answer has it."""
        path = self.path if self.place is None else f"$[{self.place}]{self.path[1:]}"
        return EventError(path=path, reason=self.reason)


@dataclass
class ParsedEvents:
    """A body, taken apart: its events that are right, with their places, and what is not.

    Args:
        written: each event as JSON; None where it has changed since.
    """

    events: list[Event] = field(default_factory=list)
    written: list[bytes | None] = field(default_factory=list)
    places: list[int | None] = field(default_factory=list)
    refused: list[RefusedEvent] = field(default_factory=list)

    def complete(self, whole: list[Event]) -> None:
        """Let `whole` take the place of the events: those that changed, or the same ones."""
        are_same = map(is_, self.events, whole)
        kept = zip(self.written, are_same, strict=True)
        self.written = [written if is_same else None for written, is_same in kept]
        self.events = whole


class EventIntake:
    """Takes bodies apart, checks every event, publishes those that are right.

    Args:
        whole: completes items of which only little is said.
        door: what is let in.
    """

    def __init__(
        self,
        producer: EventProducer,
        metrics: Metrics,
        clock: Clock,
        whole: WholeItems,
        door: Door = STRICT,
    ) -> None:
        self._producer = producer
        self._metrics = metrics
        self._clock = clock
        self._whole = whole
        self._door = door

    async def take(self, request: Request, kind: Any) -> Response:
        """202 with the ids of what was accepted; 4xx where nothing was; 503 to send again."""
        return await self.take_body(request, read(await request.body()), kind)

    async def take_body(self, request: Request, body: DecodedBody, kind: Any) -> Response:
        """`take`, of a body that has been read."""
        caller = caller_of(request.scope)
        if isinstance(body.value, list) and len(body.value) > MAX_BATCH:
            text = f"A list must have at most {MAX_BATCH} events. Received: {len(body.value)}."
            return JSONResponse({"detail": text}, 413)
        taken = self._taken(body, kind, caller)
        try:
            whole = await self._whole.completed(taken.events, _given(body, taken.places))
        except NotCaughtUp as error:
            return JSONResponse({"detail": str(error)}, 503, _RETRY_AFTER)
        taken.complete(whole)
        outcomes = await self._producer.publish(taken.events, taken.written)
        return self._answer(taken, outcomes, request, caller)

    def _taken(self, body: DecodedBody, kind: Any, caller: Caller) -> ParsedEvents:
        taken = ParsedEvents()
        if not isinstance(body.value, list):
            self._take_one(taken, body, None, kind, caller)
            return taken
        for place in range(len(body.value)):
            self._take_one(taken, body, place, kind, caller)
        return taken

    def _take_one(
        self, taken: ParsedEvents, body: DecodedBody, place: int | None, kind: Any, caller: Caller
    ) -> None:
        if body.faults and (faults := _faults(body, place)):
            taken.refused += faults
            return
        value = body.value if place is None else body.value[place]
        try:
            event, written = self._event(value, kind)
        except InvalidEvent as error:
            taken.refused.append(RefusedEvent(place, error.path, error.reason))
            return
        refused = _too_large(written, place, self._door.max_event_bytes) or _not_allowed(
            event, place, caller
        )
        if refused is not None:
            taken.refused.append(refused)
            return
        taken.events.append(event)
        taken.written.append(written)
        taken.places.append(place)

    def _event(self, value: Any, kind: Any) -> tuple[Event, bytes]:
        now_s, whole = self._clock.now(), value
        if isinstance(value, dict):
            if "event_id" not in value or "event_time" not in value:
                whole = with_defaults(value, uuid.uuid4().hex, now_s)
            if kind is not AnyEvent:
                whole = {"type": kind.__struct_config__.tag, **whole}
        return event_and_bytes(whole, kind, now_s, _UNBOUNDED, self._door.on_unknown)

    def _answer(
        self,
        taken: ParsedEvents,
        outcomes: Sequence[Exception | None],
        request: Request,
        caller: Caller,
    ) -> Response:
        accepted, failed = [], []
        refused = list(taken.refused)
        for event, place, outcome in zip(taken.events, taken.places, outcomes, strict=True):
            if outcome is None:
                accepted.append(event)
            elif isinstance(outcome, InvalidEvent):  # the log never takes it
                refused.append(RefusedEvent(place, outcome.path, outcome.reason, 413))
            else:
                failed.append(RefusedEvent(place, "$", str(outcome), 503))
        for outcome_name, count in (
            ("accepted", len(accepted)),
            ("failed", len(failed)),
            ("refused", len(refused)),
        ):
            self._metrics.events.labels(outcome_name).inc(count)
        _record(request, caller, accepted, len(refused))
        errors = [each.error() for each in _in_order([*refused, *failed])]
        status = _status(len(accepted), refused, failed)
        detail = None if status == 202 else (failed or _in_order(refused))[0].reason
        answer = EventsAnswer(
            event_ids=[event.event_id for event in accepted], errors=errors, detail=detail
        )
        headers = _RETRY_AFTER if failed else None
        return JSONResponse(answer.model_dump(exclude_none=True), status, headers)


def _faults(body: DecodedBody, place: int | None) -> list[RefusedEvent]:
    """Faults of the event at `place`, and of the whole body."""
    faults = [each for each in body.faults if place is None or each[0][:1] in ((), (place,))]
    start = 0 if place is None else 1
    return [RefusedEvent(place, path_of(steps[start:]), reason) for steps, reason in faults]


def _too_large(written: bytes, place: int | None, most: int) -> RefusedEvent | None:
    try:
        check_size(len(written), most)
    except InvalidEvent as error:
        return RefusedEvent(place, error.path, error.reason, 413)
    return None


def _not_allowed(event: Event, place: int | None, caller: Caller) -> RefusedEvent | None:
    needed = needed_by_event(event)
    if needed in caller.scopes:
        return None
    path = "$.is_probe" if needed == "probes" else "$.type"
    having = ", ".join(map(repr, sorted(caller.scopes))) or "none"
    reason = f"Expected the scope {needed!r} for this event. Received: {having}."
    return RefusedEvent(place, path, reason, 403)


def _given(body: DecodedBody, places: Sequence[int | None]) -> list[Mapping[str, Any]]:
    """Each event as it was sent."""
    return [body.value if place is None else body.value[place] for place in places]


def _in_order(refused: list[RefusedEvent]) -> list[RefusedEvent]:
    return sorted(refused, key=lambda each: each.place or 0)


def _status(accepted: int, refused: Sequence[RefusedEvent], failed: Sequence[RefusedEvent]) -> int:
    """503 where anything may work later, 202 where anything was taken, else what it fell by."""
    if failed:
        return 503
    if accepted or not refused:
        return 202
    statuses = {each.status for each in refused}
    if 413 in statuses:
        return 413
    return 403 if statuses == {403} else 422


def _record(request: Request, caller: Caller, accepted: Sequence[Event], refused: int) -> None:
    """Record who changed the catalogue."""
    items = sum(isinstance(event, ItemUpsert) for event in accepted)
    if items:
        audit(request, caller, f"{items} items changed, {refused} refused")


def audit(request: Request, caller: Caller, what: str) -> None:
    """Log a line of who did what; never the key, and of a person's address only the route."""
    who = f"key {caller.name!r}" if caller.name else f"no key, from {request.client}"
    path = request.url.path
    route = "/v1/users/..." if path.startswith("/v1/users/") else path
    _audit.info("%s %s by %s: %s", request.method, route, who, what)
