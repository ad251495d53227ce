"""Label of an interaction by its kind, as the domain says: positive, negative, or none."""

from millstream.domain import domain
from millstream.events import Kind

_KINDS = domain().kinds
_FIXED = {name: kind.labelled(None) for name, kind in _KINDS.items() if not kind.needs_value}
# Kinds that say both: their negatives are observed, and none have to be sampled for them.
TWO_SIDED_KINDS = frozenset(name for name, kind in _KINDS.items() if kind.two_sided)
# Of each kind, the weight of its examples in the loss.
WEIGHTS = {name: kind.weight for name, kind in _KINDS.items()}


def label_of(kind: Kind, value: float | None = None) -> float | None:
    """1.0 for a positive, 0.0 for a negative, None for what says neither.

    Args:
        value: of the event, for kinds whose label is by it.
    """
    return _FIXED[kind] if kind in _FIXED else _KINDS[kind].labelled(value)
