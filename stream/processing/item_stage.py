"""The items' side of a segment: their new features, and the examples that waited for them.

Everything is in columns; `events` below is the count of the touches' events. The negatives of a
positive come first, given the items that its user has met, then the items' states.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from features import labels
from features.attributes import newest
from features.availability import AVAILABILITY, Span
from features.entity_rule import ITEM_RULE
from features.interner import ITEMS
from features.rows import Columns
from stream.outputs.feature_rows import FeatureRowsBuilder
from stream.outputs.organic_examples import AttributeVersions, EntityColumns, OrganicExamples
from stream.processing.advance import advance
from stream.processing.columns import UNKNOWN, AsOfLookups, Transitions
from stream.processing.prefetch import NO_DRAW, Prefetch
from stream.processing.segment import IdIndexer, SampledNegatives
from stream.processing.touches import Touches
from stream.state.entities import Item
from stream.state.known_items import NegativesRequest, draws, negatives
from stream.state.memory import Memory, Rules
from stream.state.proposals import Proposals, Turns

# Beyond every partition: draws of the mixture are others than those of the uniform part.
APART = 1 << 14


@dataclass(frozen=True)
class ItemResult:
    """Result of an item stage, beside their feature rows and what becomes known.

    Args:
        examples: rows for `stream.outputs.examples.published`, None for none, and the event of
            each.
        late: events that want an example, and whose item is no longer known as it was.
        items: those that changed, by id.
    """

    examples: tuple[pa.Table, np.ndarray] | None
    late: np.ndarray
    items: dict[str, Item]


class ItemStage:
    """The items' side of some touches; memory changes in place, but for its users.

    Args:
        horizon_s: see `features.history.add`.
    """

    def __init__(
        self, touches: Touches, needs: Prefetch, memory: Memory, rules: Rules, horizon_s: float
    ) -> None:
        self._touches, self._needs, self._memory, self._rules = touches, needs, memory, rules
        self._horizon_s = horizon_s
        self._item_rows = IdIndexer([update.item_id for update in touches.columns.updates])
        self._event_items = self._item_rows.ids

    def result(self, rows: FeatureRowsBuilder) -> ItemResult:
        """Run all steps; `rows` gets the items' new features."""
        asks, item_rows = self._touches.asks, self._item_rows
        drawn = self._negatives()
        drawn_rows = item_rows.numbers(ITEMS.texts(drawn.numbers.tolist()))
        items = [self._memory.items[item] for item in item_rows.ids]
        moved = self._advance(items, np.append(asks.events, asks.events[drawn.of]), drawn_rows)
        own, others = np.split(moved.as_of, [len(asks.events)])
        examples = self._examples(drawn, drawn_rows, own, others, items, moved)
        of_events, offsets = item_rows.of_events, self._touches.offsets
        rows.add_items(self._event_items, of_events, moved.states.take(moved.after), offsets)
        self._add_known()
        late = asks.events[own == UNKNOWN]
        return ItemResult(examples, late, dict(zip(self._event_items, items, strict=False)))

    def _advance(
        self, items: list[Item], lookup_events: np.ndarray, drawn_rows: np.ndarray
    ) -> Transitions:
        """Advance items, and look them up before events: their own, then those of negatives."""
        touches, of_events = self._touches, self._item_rows.of_events
        lookup_items = np.append(of_events[touches.asks.events], drawn_rows)
        lookups = AsOfLookups(lookup_items, lookup_events, touches.columns.times[lookup_events])
        histories = [item.history for item in items]
        return advance(ITEM_RULE, histories, of_events, touches.columns, lookups, self._horizon_s)

    def _negatives(self) -> SampledNegatives:
        """Items drawn for the positives that want some."""
        touches, asks, needs = self._touches, self._touches.asks, self._needs
        positives = np.flatnonzero(needs.positives != NO_DRAW)
        events, known_items = asks.events[positives], self._memory.known_items
        known_since = np.array(sorted(self._new_items.values()), np.int64)
        places = needs.drawn[needs.positives[positives]]
        request = NegativesRequest(
            known_items.numbers_at(places, needs.known, needs.added),
            touches.columns.items[events],
            asks.recent[positives],
            np.searchsorted(known_since, events),
            {ITEMS.number(item): n for n, item in enumerate(self._new_items)},
        )
        proposals = self._proposals(events, request)
        drawn = negatives(known_items, request, self._rules.sampled_negatives, proposals)
        own = np.ones(len(asks.events))
        own[positives] = drawn.own
        chosen = drawn.chosen
        return SampledNegatives(
            positives[np.nonzero(chosen)[0]],
            drawn.items[chosen],
            drawn.probabilities[chosen],
            drawn.oversampling[chosen],
            own,
        )

    def _proposals(self, events: np.ndarray, request: NegativesRequest) -> Proposals | None:
        """The mixture that negatives of `events` are drawn from, None where they are uniform.

        The segment's positives become recent ones.
        """
        shares, recent = self._rules.negative_shares, self._memory.recent_positives
        if set(shares) <= {"uniform"}:
            return None
        touches, offsets = self._touches, self._touches.offsets
        new = np.flatnonzero(touches.columns.positive & ~touches.is_probe)
        before, items = touches.met[new], touches.columns.items[new]
        turns = Turns(
            np.searchsorted(new, events),
            request.recent[:, 0],
            draws(
                offsets.partitions[events] + APART, offsets.offsets[events], request.drawn.shape[1]
            ),
        )
        found = Proposals(recent, before, items, shares, turns)
        recent.add(before, items)
        return found

    @cached_property
    def _new_items(self) -> dict[str, int]:
        """Items that become known in the segment, and the events that make them so, in order."""
        known_items = self._memory.known_items
        unknown = {item for item in self._event_items if item not in known_items}
        if AVAILABILITY.names:  # no event makes an item known again whose time is over
            unknown = {i for i in unknown if not self._span(i).is_over(self._newest_s)}
        if not unknown:
            return {}
        found: dict[str, int] = {}
        events = zip(self._touches.columns.updates, self._touches.is_probe.tolist(), strict=True)
        for n, (update, is_probe) in enumerate(events):
            if not is_probe and update.item_id in unknown:
                found.setdefault(update.item_id, n)
        return found

    @cached_property
    def _newest_s(self) -> float:
        """The clock of the events: what it decides is decided again when they are read again."""
        return self._memory.item_clock.newest()

    def _span(self, item_id: str) -> Span:
        """When an item is available."""
        return AVAILABILITY.span(newest(self._memory.items[item_id].versions).values)

    def _examples(
        self,
        drawn: SampledNegatives,
        drawn_rows: np.ndarray,
        own: np.ndarray,
        others: np.ndarray,
        items: list[Item],
        moved: Transitions,
    ) -> tuple[pa.Table, np.ndarray] | None:
        """The examples of those whose item is still known as it was.

        Args:
            own, others: rows of the states before the asks' times, of their items and of negatives.
        """
        asks, is_known = self._touches.asks, own != UNKNOWN
        kept = np.flatnonzero(is_known)
        if not len(kept):
            return None
        is_kept = is_known[drawn.of] & (others != UNKNOWN)
        negatives_of = np.searchsorted(kept, drawn.of[is_kept])
        counts = np.bincount(negatives_of, minlength=len(kept))
        # Each event's own item, then its negatives, which are in the order of their events.
        order = np.argsort(np.append(np.arange(len(kept)), negatives_of), kind="stable")
        own_rows = self._item_rows.of_events[asks.events[kept]]
        rows = np.append(own_rows, drawn_rows[is_kept])[order]
        as_of = np.append(own[kept], others[is_kept])[order]
        times, table = asks.times[kept], AttributeVersions(items)
        versions = table.at(rows, np.repeat(times, counts + 1))
        built = OrganicExamples(
            _taken(asks.rows, kept, len(own)),
            times,
            asks.labels[kept],
            np.array([task.is_binary for task in labels.TASKS]),
            asks.weights[kept],
            EntityColumns(self._item_rows.ids, rows, moved.states.take(as_of), versions, table),
            counts,
            np.append(np.ones(len(kept)), drawn.probabilities[is_kept])[order],
            np.append(drawn.own[kept], drawn.oversampling[is_kept])[order],
        )
        found, event_of = built.unpublished()
        return found, asks.events[kept][event_of]

    def _add_known(self) -> None:
        for item in self._new_items:
            self._memory.known_items.add(item)
            if AVAILABILITY.names:
                self._memory.known_items.schedule.put(item, self._span(item), self._newest_s)


def _taken(columns: Columns, kept: np.ndarray, count: int) -> Columns:
    """Some rows of `count`."""
    if len(kept) == count:
        return columns
    return {name: column.take(pa.array(kept)) for name, column in columns.items()}
