"""Scopes of keys, and which of them a route or an event needs."""

from typing import get_args

from millstream.events import Event, Impression, ItemUpsert
from millstream.settings import KeyScope

Scope = KeyScope

ALL: frozenset[Scope] = frozenset(get_args(Scope))
# Impressions are written by serving and probes by `millstream probe`, both straight to Kafka: who
# could write them through the API could forge what is learnt from and what freshness is. What is
# known of people, and their erasure, is for nobody without a key.
OUTSIDE: frozenset[Scope] = ALL - {"impressions", "probes", "people"}

# A route needs one of its scopes; an empty set is open to everybody.
_OPEN: frozenset[Scope] = frozenset()
_ROUTES: tuple[tuple[str, frozenset[Scope]], ...] = (
    ("/v1/events", frozenset({"events", "catalogue", "impressions", "probes"})),
    ("/v1/items", frozenset({"catalogue"})),
    ("/v1/users", frozenset({"people"})),
    ("/v1/recommend", frozenset({"recommend"})),
    ("/v1/similar", frozenset({"recommend"})),
    ("/v1/popular", frozenset({"recommend"})),
    ("/v1", frozenset({"admin"})),  # what is added later is closed until it has a line here
    ("/metrics", frozenset({"admin"})),
)


def needed_by_route(path: str) -> frozenset[Scope]:
    """The scopes of which a caller of `path` must have one; empty for pages and health checks.

    >>> sorted(needed_by_route("/v1/similar/sku/7")), needed_by_route("/healthz")
    (['recommend'], frozenset())
    """
    for prefix, scopes in _ROUTES:
        if path == prefix or path.startswith(f"{prefix}/"):
            return scopes
    return _OPEN


def needed_by_event(event: Event) -> Scope:
    """The scope that publishing `event` takes."""
    if event.is_probe:
        return "probes"
    if isinstance(event, Impression):
        return "impressions"
    return "catalogue" if isinstance(event, ItemUpsert) else "events"
