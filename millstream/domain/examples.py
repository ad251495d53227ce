"""Examples of events in the domain's words, for the API's description."""

from typing import Any

from millstream.domain.declaration import Domain
from millstream.domain.list_references import NUMBERS

_VALUES: dict[str, Any] = {
    "string": "north",
    "strings": ["one", "two"],
    "float": 12.5,
    "int": 12,
    "bool": True,
    "time": "2026-05-01T06:00:00Z",
    "vector": [0.1, 0.2],
}


def event_example(domain: Domain) -> dict[str, Any]:
    """Somebody did something positive."""
    kind, value = domain.positive()
    event = {"type": "interaction", "user_id": "196", "item_id": "242", "kind": kind}
    return event if value is None else {**event, "value": value}


def item_example(domain: Domain) -> dict[str, Any]:
    """A new item, with every attribute that is no field of its own."""
    item = domain.item
    attributes = {
        name: _VALUES[attribute.type]
        for name, attribute in item.attributes.items()
        if name not in (item.title, item.groups, item.created)
    }
    made = {"item_id": "new-1", "title": "A new one", "categories": ["news"]}
    return {**made, "attributes": attributes} if attributes else made


def ranges_example(domain: Domain) -> dict[str, Any]:
    """Bounds of a number of an item."""
    item = domain.item
    numbers = (
        name
        for name, attribute in item.attributes.items()
        if attribute.type in NUMBERS and getattr(attribute, "filterable", False)
    )
    name = next(numbers, item.popularity)
    return {name: {"at_least": 1}}
