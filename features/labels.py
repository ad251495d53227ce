"""Label of an interaction: positive, negative, or none."""

from millstream.events import Kind

POSITIVE_KINDS = frozenset({"click", "like", "cart", "purchase", "play"})
NEGATIVE_KINDS = frozenset({"dislike", "skip"})
POSITIVE_RATING = 4.0
# Kinds that say both: their negatives are observed, and none have to be sampled for them.
TWO_SIDED_KINDS = frozenset({"rating"})


def label_of(kind: Kind, value: float | None = None) -> float | None:
    """1.0 for a positive, 0.0 for a negative, None for what says neither (a view).

    A rating is positive from 4 on, of 5.

    >>> label_of("rating", 4.0), label_of("skip"), label_of("view")
    (1.0, 0.0, None)
    """
    if kind == "rating":
        return 1.0 if value is not None and value >= POSITIVE_RATING else 0.0
    if kind in POSITIVE_KINDS:
        return 1.0
    return 0.0 if kind in NEGATIVE_KINDS else None
