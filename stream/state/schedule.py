"""Items whose availability changes by itself, by the clock, in the order of the moments.

An item is hidden until its time begins and forgotten when it is over. What was decided at a moment
counts from the next batch on, and is stored with the batch: one that is read again gets the same.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from features.availability import Span


@dataclass
class Schedule:
    """Spans by item, as long as they have a moment to come.

    Args:
        spans: by item id.
        unsaved: items that were added or changed since the last `take_unsaved`.
        gone: items that need no span any more, since then.
    """

    spans: dict[str, Span] = field(default_factory=dict)
    unsaved: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    _moments: list[tuple[float, str]] = field(default_factory=list)

    def put(self, item_id: str, span: Span, now_s: float) -> None:
        """Note the span of an item; one without a moment to come is forgotten."""
        moment = span.next_s(now_s)
        if moment is None:
            self.discard(item_id)
        elif self.spans.get(item_id) != span:
            self.spans[item_id] = span
            self.unsaved.add(item_id)
            self.gone.discard(item_id)
            heapq.heappush(self._moments, (moment, item_id))

    def discard(self, item_id: str) -> None:
        """Forget the span of an item."""
        if self.spans.pop(item_id, None) is not None:
            self.unsaved.discard(item_id)
            self.gone.add(item_id)

    def is_due(self, now_s: float) -> bool:
        """Whether a moment has come by `now_s`."""
        return bool(self._moments) and self._moments[0][0] <= now_s

    def due(self, now_s: float) -> dict[str, Span]:
        """Take the spans of which a moment has come; those with a later one stay noted."""
        found: dict[str, Span] = {}
        while self.is_due(now_s):
            moment, item_id = heapq.heappop(self._moments)
            span = self.spans.get(item_id)
            if span is None or moment not in (span.begins_s, span.ends_s):
                continue  # it was changed since
            found[item_id] = span
            later = span.next_s(now_s)
            if later is None:
                self.discard(item_id)
            else:
                heapq.heappush(self._moments, (later, item_id))
        return found

    def take_unsaved(self) -> tuple[dict[str, Span], list[str]]:
        """Spans to store, and items whose span is to be removed, since this was last asked."""
        unsaved = {item_id: self.spans[item_id] for item_id in self.unsaved}
        gone = sorted(self.gone)
        self.unsaved, self.gone = set(), set()
        return unsaved, gone

    def restore(self, spans: Mapping[str, Span]) -> None:
        """Load from the store; a moment that has passed meanwhile is due at once."""
        self.spans, self.unsaved, self.gone = dict(spans), set(), set()
        self._moments = sorted(_moments(spans.items()))


def _moments(spans: Iterable[tuple[str, Span]]) -> Iterable[tuple[float, str]]:
    for item_id, span in spans:
        yield from ((at_s, item_id) for at_s in (span.begins_s, span.ends_s) if at_s > 0.0)
