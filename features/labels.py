"""Label of an interaction by its kind, as the domain says: positive, negative, or none."""

from millstream.domain import domain
from millstream.events import Kind

_KINDS = domain().kinds
_FIXED = {name: kind.labelled(None) for name, kind in _KINDS.items() if not kind.needs_value}
# Kinds that say both: their negatives are observed, and none have to be sampled for them.
TWO_SIDED_KINDS = frozenset(name for name, kind in _KINDS.items() if kind.two_sided)
# Kinds whose items count as seen.
SEEN_KINDS = frozenset(name for name, kind in _KINDS.items() if kind.seen)
# Whether all do: then an item that a user met lately is one that they have seen.
ALL_ARE_SEEN = len(SEEN_KINDS) == len(_KINDS)


def label_of(kind: Kind, value: float | None = None) -> float | None:
    """1.0 for a positive, 0.0 for a negative, None for what says neither.

    Args:
        value: of the event, for kinds whose label is by it.
    """
    return _FIXED[kind] if kind in _FIXED else _KINDS[kind].labelled(value)
