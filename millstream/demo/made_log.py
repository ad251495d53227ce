"""A log in the words of any domain, made by chance around planted tastes.

Who has no log at hand sees the loop run with their own kinds, attributes and tasks. Each person
likes two of the groups, and goes from one item to the item next to it more often than chance would
have it: a model, the counters and item-to-item sources all have something to find. One event in ten
contradicts its person's taste.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from millstream.demo.log import DemoLog
from millstream.domain.attributes import Attribute
from millstream.domain.declaration import Domain, Entity
from millstream.events import Interaction, ItemUpsert, UserUpsert

DAY_S = 86_400.0
# Of a text: so many values by chance, and how many days back a time lies at most.
WORDS, DAYS = 12, 30
NOISE = 0.1
OWN_TASTE, NEXT = 0.75, 0.5
_SYLLABLES = ("ba", "ko", "ri", "mel", "tan", "us", "lor", "vi", "den", "sha", "po", "ek", "zum")


@dataclass(frozen=True)
class Size:
    """How much is made.

    Args:
        groups: what each item is in one of.
        days: between the first and the last event.
    """

    events: int = 20_000
    users: int = 400
    items: int = 320
    groups: int = 8
    days: float = 3.0


def made_log(domain: Domain, ends_s: float, size: Size | None = None, seed: int = 1) -> DemoLog:
    """Items, people and interactions of `domain`.

    Args:
        ends_s: time of the newest event, Unix seconds.
        seed: the same gives the same log.
    """
    return _Maker(domain, size or Size(), ends_s, np.random.default_rng(seed)).log()


class _Maker:
    def __init__(
        self, domain: Domain, size: Size, ends_s: float, chance: np.random.Generator
    ) -> None:
        self._domain, self._size, self._chance = domain, size, chance
        self._ends_s, self._begins_s = ends_s, ends_s - size.days * DAY_S
        self._kinds = _kinds_by_label(domain)
        self._tastes = np.stack(
            [chance.choice(size.groups, 2, replace=False) for _ in range(size.users)]
        )

    def log(self) -> DemoLog:
        """Everything."""
        name = f"a made log of {self._domain.name}"
        return DemoLog(name, list(self._items()), list(self._users()), list(self._interactions()))

    def _items(self) -> Iterator[ItemUpsert]:
        side = self._domain.item
        own = {side.title, side.groups, side.created, side.available_from, side.available_until}
        for number in range(self._size.items):
            group = number % self._size.groups
            yield ItemUpsert(
                event_id=f"made-item-{number}",
                event_time=self._begins_s,
                item_id=f"item-{number}",
                title=self._title(),
                categories=[f"group {group + 1}"],
                attributes=self._attributes("item", group, own | {side.in_stock}),
                created_at=self._begins_s - float(self._chance.uniform(0.0, DAYS)) * DAY_S,
            )

    def _users(self) -> Iterator[UserUpsert]:
        for number in range(self._size.users):
            yield UserUpsert(
                event_id=f"made-user-{number}",
                event_time=self._begins_s,
                user_id=f"user-{number}",
                attributes=self._attributes("user", int(self._tastes[number, 0]), set()),
            )

    def _interactions(self) -> Iterator[Interaction]:
        size, chance = self._size, self._chance
        last: dict[int, int] = {}
        for number in range(size.events):
            user = int(size.users * chance.random() ** 2)  # some come more often
            item = self._met(user, last.get(user))
            last[user] = item
            likes = bool(item % size.groups in self._tastes[user])
            kind, value = self._said(likes != (chance.random() < NOISE))
            yield Interaction(
                event_id=f"made-{number}",
                event_time=self._begins_s + size.days * DAY_S * number / size.events,
                user_id=f"user-{user}",
                item_id=f"item-{item}",
                kind=kind,
                value=value,
                context={name: self._word(name) for name in self._domain.context},
            )

    def _met(self, user: int, before: int | None) -> int:
        """The item of the next event: the one next to the last, or one of a group by popularity."""
        size, chance = self._size, self._chance
        if before is not None and chance.random() < NEXT:
            return (before + size.groups) % size.items  # of the same group
        own = chance.random() < OWN_TASTE
        group = int(chance.choice(self._tastes[user]) if own else chance.integers(size.groups))
        in_group = (size.items - group - 1) // size.groups + 1
        return group + size.groups * int(in_group * chance.random() ** 2)

    def _said(self, likes: bool) -> tuple[str, float | None]:
        """A kind, and its value; what weighs more is rarer."""
        names = self._kinds[likes]
        shares = np.array([1.0 / self._domain.kinds[name].weight for name in names])
        name = names[int(self._chance.choice(len(names), p=shares / shares.sum()))]
        return name, self._value(name, likes)

    def _value(self, name: str, likes: bool) -> float | None:
        kind = self._domain.kinds[name]
        if kind.label_from is not None:
            width = max(abs(kind.label_from), 1.0)
            low = kind.label_from if likes else kind.label_from - width
            return low + width * 0.99 * float(self._chance.random())
        scales = [t.scale for t in self._domain.tasks.values() if name in t.numbers]
        if kind.value is None and not scales and not kind.needs_value:
            return None
        return (scales or [10.0])[0] * float(self._chance.lognormal(0.0, 0.5)) * (1 + likes)

    def _attributes(self, entity: Entity, group: int, others: set[str | None]) -> dict[str, Any]:
        stated = self._domain.side(entity).attributes
        return {
            name: self._attribute(name, attribute, group)
            for name, attribute in stated.items()
            if name not in others
        }

    def _attribute(self, name: str, attribute: Attribute, group: int) -> Any:
        chance = self._chance
        if attribute.type == "string":
            return self._word(name)[: attribute.max_characters]
        if attribute.type == "strings":
            return [self._word(name)[: attribute.max_characters]]
        if attribute.type == "bool":
            return bool(chance.random() < 0.5)
        if attribute.type == "time":
            return self._begins_s - float(chance.uniform(0.0, DAYS)) * DAY_S
        if attribute.type == "vector":
            return (np.eye(1, attribute.size, group % attribute.size)[0] + 0.1).tolist()
        number = attribute.scale * float(chance.lognormal(0.0, 0.5))
        number = float(np.clip(number, *(attribute.bounds or (-np.inf, np.inf))))
        return int(number) if attribute.type == "int" else number

    def _word(self, name: str) -> str:
        return f"{name} {int(self._chance.integers(WORDS)) + 1}"

    def _title(self) -> str:
        """Three words that are almost never those of another."""
        words = ("".join(self._chance.choice(_SYLLABLES, 3)).capitalize() for _ in range(3))
        return " ".join(words)


def _kinds_by_label(domain: Domain) -> dict[bool, list[str]]:
    """Kinds that can say yes, and those that can say no; all that say neither where none does."""
    yes = [name for name, kind in domain.kinds.items() if kind.label == 1 or kind.labelled_by_value]
    no = [name for name, kind in domain.kinds.items() if kind.label == 0 or kind.labelled_by_value]
    neither = [name for name in domain.kinds if name not in yes and name not in no]
    return {True: yes, False: no or neither or yes}
