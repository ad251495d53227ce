"""Items of which only `hidden` is said keep all else that is known of them.

An upsert in the log is the whole item, and the topic is compacted: what the last one leaves out is
gone. So what was left out is put in before it goes there, from the catalogue, once that has read
everything that the log held when the request came.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from features.spec import CREATED, GROUPS, TITLE
from millstream.errors import LogUnavailable
from millstream.events import Event, ItemUpsert
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.whole import known_values

# Attributes that are fields of an upsert.
_TITLE, _GROUPS, _CREATED = (name.removeprefix("item_") for name in (TITLE, GROUPS, CREATED))
_WHOLE = ("title", "categories", "attributes", "created_at")


class NotCaughtUp(Exception):
    """The catalogue cannot be read to the end of its topic now."""


class WholeItems:
    """Completes items.

    Args:
        catalogue: what is known of them.
        read_to_end: waits until the catalogue has all that its topic holds now.
    """

    def __init__(self, catalogue: Catalogue, read_to_end: Callable[[], Awaitable[None]]) -> None:
        self._catalogue = catalogue
        self._read_to_end = read_to_end

    async def completed(
        self, events: Sequence[Event], given: Sequence[Mapping[str, Any]]
    ) -> list[Event]:
        """`events`, of which `given` was sent, each item as a whole.

        Raises:
            NotCaughtUp: the catalogue is behind, and something would be wiped.
        """
        partial = {
            event.event_id
            for event, sent in zip(events, given, strict=True)
            if isinstance(event, ItemUpsert) and not any(name in sent for name in _WHOLE)
        }
        if not partial:
            return list(events)
        try:
            await self._read_to_end()
        except (LogUnavailable, TimeoutError) as error:
            raise NotCaughtUp(
                "What is known of the items cannot be read now. Send them again, or send them "
                "whole: with title, categories and attributes."
            ) from error
        return [
            self._completed(event)
            if isinstance(event, ItemUpsert) and event.event_id in partial
            else event
            for event in events
        ]

    def _completed(self, event: ItemUpsert) -> ItemUpsert:
        row = None if event.is_probe else self._catalogue.row(event.item_id)
        known = {} if row is None else known_values(self._catalogue, row)
        if not known:
            return event
        return msgspec.structs.replace(
            event,
            title=known.pop(_TITLE, None),
            categories=known.pop(_GROUPS, []),
            created_at=known.pop(_CREATED, None),
            attributes=known,
        )
