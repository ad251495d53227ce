"""The core: a batch of events and what is remembered, to effects. No client, no clock.

    entries --plan--> what must be in memory --(a shell loads it)--> --process--> effects

`process` changes the memory in place; the effects hold the same changes for the store.
"""

from collections.abc import Callable, Sequence
from typing import Any

from features import bloom
from features.attributes import item_version, newest, user_version, version_at, with_version
from features.history import Update, add
from features.labels import label_of
from features.spec import ITEM_ATTRIBUTES, ITEM_STATS, RECENT_ITEMS, USER_ATTRIBUTES, USER_STATS
from features.state import ITEM_RULE, USER_RULE
from millstream.errors import InvalidEvent
from millstream.events import Impression, Interaction, ItemUpsert, UserUpsert
from millstream.topics import IMPRESSIONS, INTERACTIONS
from stream.catalogue import negatives
from stream.effects import Effects, SeenEntries
from stream.entities import Item, User
from stream.examples import Examples, Side
from stream.feature_rows import RowGatherer
from stream.intake import Entry
from stream.joins import Joined, Standing
from stream.memory import Memory, Rules
from stream.plan import Plan
from stream.records import Record, Refused, Sourced
from stream.writes import Touched, state_writes

JOINED_ROW = 0
# Events whose times move the watermark.
_CLOCKS = frozenset({Interaction, Impression})


def process(planned: Plan, memory: Memory, rules: Rules, now_s: float) -> Effects:
    """What the batch causes; every user and item of the plan is in memory.

    Args:
        now_s: Unix seconds, by the clock.
    """
    return _Batch(planned, memory, rules, now_s).effects()


class _Batch:
    """One call of `process`: what is gathered on the way."""

    def __init__(self, planned: Plan, memory: Memory, rules: Rules, now_s: float) -> None:
        self._plan, self._memory, self._rules, self._now_s = planned, memory, rules, now_s
        self._users = {user: memory.users[user] for user in planned.users}
        self._items = {item: memory.items[item] for item in planned.items}
        self._organic = Examples()
        self._closed = Examples()
        self._rows = RowGatherer()
        self._user_rows, self._item_rows = self._rows[USER_STATS], self._rows[ITEM_STATS]
        self._effects = Effects()
        self._touched = Touched()

    def effects(self) -> Effects:
        memory, now_s, effects = self._memory, self._now_s, self._effects
        rotated = memory.seen.rotate(now_s)
        entries = self._plan.entries
        self._reach(entries)
        outcomes = [self._entry(index, entry) for index, entry in enumerate(entries)]
        topics = [entry.source.topic for entry in entries]
        effects.counts.update(zip(topics, outcomes, strict=True))
        effects.watermark = memory.watermark.value(now_s)
        self._close_windows(effects.watermark)
        for topic, examples in ((INTERACTIONS, self._organic), (IMPRESSIONS, self._closed)):
            if examples:
                effects.examples.append((topic, examples.table(now_s)))
        effects.features = self._rows.rows(now_s)
        effects.state = state_writes(memory, self._touched, rotated)
        return effects

    def _reach(self, entries: Sequence[Entry]) -> None:
        """Note how far the batch comes, in offsets and in event time."""
        self._memory.positions.update({entry.source: entry.offset + 1 for entry in entries})
        for entry in entries:
            if type(entry) is Sourced and type(entry.event) in _CLOCKS and not entry.event.is_probe:
                self._memory.watermark.observe(entry.source, entry.event.event_time, self._now_s)

    def _entry(self, index: int, entry: Entry) -> str:
        """Work on one entry; what became of it."""
        if isinstance(entry, Refused):
            return self._refuse(entry)
        if not self._memory.seen.add(entry.mark):
            return "duplicate"
        self._touched.marks.append(entry.mark)
        if entry.event.is_probe:
            self._effects.probes.append(entry.event.event_time)
        try:
            return _HANDLERS[type(entry.event)](self, index, entry)
        except InvalidEvent as error:
            record = Record(entry.source, entry.offset, None, entry.value)
            return self._refuse(Refused(record, error.reason, error.path))

    def _refuse(self, refused: Refused) -> str:
        self._effects.dead_letters.append(refused.letter(self._now_s))
        return "refused"

    # An interaction: an example as of just before it, then new features.

    def _interaction(self, index: int, sourced: Sourced) -> str:
        event: Interaction = sourced.event
        user, item = self._users[event.user_id], self._items[event.item_id]
        label = label_of(event.kind, event.value)
        version = version_at(item.versions, event.event_time)
        outcome = self._example(index, sourced, label, user, item)
        categories = tuple(version.values.get("item_categories", ()))
        update = Update(event.event_time, sourced.mark, label == 1.0, event.item_id, categories)
        self._update(sourced, update, user, item)
        if not event.is_probe:
            self._memory.catalogue.add(event.item_id)
        return outcome

    def _example(
        self, index: int, sourced: Sourced, label: float | None, user: User, item: Item
    ) -> str:
        event: Interaction = sourced.event
        answer = self._memory.joins.answer(event, self._now_s)
        if isinstance(answer, Joined):
            cause = (sourced.source, sourced.offset, event.event_id)
            self._organic.add_joined(*cause, JOINED_ROW, answer)
            self._effects.joined += 1
            return "joined"
        if answer is Standing.SETTLED:
            return "settled"
        if label is None:
            return "unlabelled"
        user_side, item_side = _side(user, event.event_time), _side(item, event.event_time)
        if user_side is None or item_side is None:
            return "late"
        drawn, probability = self._negatives(index, event, user_side)
        self._organic.add_organic(sourced, label, user_side, item_side, drawn, probability)
        return "organic"

    def _negatives(
        self, index: int, event: Interaction, user: Side
    ) -> tuple[list[tuple[str, Side]], float]:
        candidates = self._plan.candidates.get(index)
        if candidates is None:
            return [], 1.0
        chosen, probability = negatives(
            self._memory.catalogue,
            candidates,
            {event.item_id, *user.point.recent},
            self._rules.sampled_negatives,
        )
        sides = [(other, _side(self._items[other], event.event_time)) for other in chosen]
        return [(other, side) for other, side in sides if side is not None], probability

    def _update(self, sourced: Sourced, update: Update, user: User, item: Item) -> None:
        event: Interaction = sourced.event
        horizon_s = self._rules.allowed_lateness_s
        recent = user.history.newest.recent
        user_point = add(user.history, update, USER_RULE, horizon_s)
        item_point = add(item.history, update, ITEM_RULE, horizon_s)
        self._touched.users[event.user_id] = user
        self._touched.items[event.item_id] = item
        self._user_rows.add(event.user_id, user_point, sourced)
        self._item_rows.add(event.item_id, item_point, sourced)
        self._remember(event, user, recent, user_point.recent)

    def _remember(
        self, event: Interaction, user: User, recent: tuple[str, ...], still: tuple[str, ...]
    ) -> None:
        """What is no longer among the user's recent items goes to the user's seen filter."""
        if event.item_id not in still:
            self._enter(event.user_id, user, event.item_id)
        if len(recent) < RECENT_ITEMS:
            return  # there was room
        for item in recent:
            if item not in still:
                self._enter(event.user_id, user, item)

    def _enter(self, user_id: str, user: User, item: str) -> None:
        slots = self._touched.filters.setdefault(user_id, [])
        slot, begins = bloom.slot(user.entries), bloom.begins_slot(user.entries)
        if begins or not slots or slots[-1].slot != slot:
            slots.append(SeenEntries(slot, begins, []))
        slots[-1].items.append(item)
        user.entries += 1

    # A list that was shown.

    def _impression(self, index: int, sourced: Sourced) -> str:
        return "waiting" if self._memory.joins.open(sourced, self._now_s) else "duplicate"

    def _close_windows(self, watermark: float) -> None:
        for source, offset, joined in self._memory.joins.close(watermark, self._now_s):
            for row, shown in enumerate(joined):
                self._closed.add_joined(source, offset, shown.impression.event_id, row, shown)

    # The catalogue and the accounts.

    def _item(self, index: int, sourced: Sourced) -> str:
        event: ItemUpsert = sourced.event
        item = self._items[event.item_id]
        item.versions = with_version(item.versions, item_version(event))
        self._touched.items[event.item_id] = item
        self._rows[ITEM_ATTRIBUTES].add(event.item_id, newest(item.versions), sourced)
        if not event.is_probe:
            self._memory.catalogue.add(event.item_id)
            self._show(event.item_id, hidden=newest(item.versions).hidden)
        return "upserted"

    def _show(self, item_id: str, hidden: bool) -> None:
        catalogue, touched = self._memory.catalogue, self._touched
        if hidden == (item_id in catalogue.hidden):
            return
        catalogue.hide(item_id, hidden)
        (touched.hidden if hidden else touched.shown).add(item_id)
        (touched.shown if hidden else touched.hidden).discard(item_id)

    def _user(self, index: int, sourced: Sourced) -> str:
        event: UserUpsert = sourced.event
        user = self._users[event.user_id]
        user.versions = with_version(user.versions, user_version(event))
        self._touched.users[event.user_id] = user
        self._rows[USER_ATTRIBUTES].add(event.user_id, newest(user.versions), sourced)
        return "upserted"


# Not in the batch itself: a cycle would keep all of it until the next sweep.
_HANDLERS: dict[Any, Callable[[_Batch, int, Sourced], str]] = {
    Interaction: _Batch._interaction,
    Impression: _Batch._impression,
    ItemUpsert: _Batch._item,
    UserUpsert: _Batch._user,
}


def _side(entity: User | Item, time_s: float) -> Side | None:
    """The entity just before `time_s`; None where that is no longer known."""
    point = entity.history.before(time_s)
    return None if point is None else Side(point, version_at(entity.versions, time_s))
