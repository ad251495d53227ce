"""Log that the demo streams: a catalogue, accounts, and what people did, in time order."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from millstream.events import Interaction, ItemUpsert, UserUpsert


@dataclass(frozen=True)
class DemoLog:
    """A log of any domain.

    Args:
        name: what it is called in the view.
        items: upserts of the catalogue, known before the first interaction.
        users: upserts of the accounts, likewise.
        interactions: oldest first.
    """

    name: str
    items: Sequence[ItemUpsert]
    users: Sequence[UserUpsert]
    interactions: Sequence[Interaction]

    @cached_property
    def catalogue(self) -> list[ItemUpsert]:
        """The newest upsert of every item; a bare one of each that was only met."""
        known = {item.item_id: item for item in self.items}
        for event in self.interactions:
            if event.item_id not in known:
                known[event.item_id] = first_met(event)
        return list(known.values())

    def newest(self, count: int | None) -> "DemoLog":
        """The log of its `count` newest interactions; of all where it is None."""
        if count is None or count >= len(self.interactions):
            return self
        return DemoLog(self.name, self.items, self.users, self.interactions[-count:])


def first_met(event: Interaction) -> ItemUpsert:
    """Upsert of an item that no catalogue names: it came to be when `event` met it."""
    return ItemUpsert(
        event_id=f"first-met:{event.event_id}"[:256],
        event_time=event.event_time,
        item_id=event.item_id,
    )
