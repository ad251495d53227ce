"""Which events make an item count as seen by their user, and where that is kept.

Where every event of the user's recent list does, what is in the list is seen, and what falls out of
it goes into the user's filter. Where some do not, the list says nothing of it: each event that does
goes into the filter at once.
"""

from features.spec import RECENT
from millstream.domain import domain

_KINDS = domain().kinds
SEEN_KINDS = frozenset(name for name, kind in _KINDS.items() if kind.seen)
_RECENT = domain().user.features[RECENT.removeprefix("user_")]
# Whether all items of the recent list are seen.
RECENT_ARE_SEEN = frozenset(getattr(_RECENT, "kinds", None) or _KINDS) <= SEEN_KINDS
