"""Model inputs that are computed at the moment of scoring, from as-of features and the time."""

import numpy as np

from features.local_time import local_s

# A rate starts at 1/2 with the weight of this many events: one event does not make it 0 or 1.
PRIOR_EVENTS = 4.0
PRIOR_RATE = 0.5
# More events than this are not told apart.
MOST_COUNTED = 1e9
# Of a key, by which those that cannot match are passed over.
_LOW_BITS = (1 << 12) - 1


def counted(count: np.ndarray) -> np.ndarray:
    """A count within 0 and `MOST_COUNTED`: whatever was logged, no input drowns all others."""
    return within(count, 0.0, MOST_COUNTED)


def within(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """`value` within bounds; NaN is `low`."""
    return np.asarray(np.fmin(np.fmax(value, low), high))


def smoothed_rate(positives: np.ndarray, events: np.ndarray) -> np.ndarray:
    """(positives + prior) / (events + prior): the mean of a Beta posterior.

    >>> float(smoothed_rate(np.float32(0), np.float32(0)))
    0.5

    Counts that cannot be, below 0 or more positives than events, count as the nearest that can.
    """
    events = counted(events)
    positives = np.fmin(np.fmax(positives, 0.0), events)
    rate = (positives + PRIOR_RATE * PRIOR_EVENTS) / (events + PRIOR_EVENTS)
    return np.asarray(rate, np.float32)


def hour_of_day(time_s: np.ndarray) -> np.ndarray:
    """1..24, in the domain's time zone; 0 stays free for padding."""
    return (local_s(time_s) // 3600 % 24).astype(np.int64) + 1


def day_of_week(time_s: np.ndarray) -> np.ndarray:
    """1..7, in the domain's time zone, 1 is a Thursday (the epoch was one)."""
    return (local_s(time_s) // 86_400 % 7).astype(np.int64) + 1


def match(
    wanted: np.ndarray, known: np.ndarray, *strengths: np.ndarray, fading: float = 1.0
) -> tuple[np.ndarray, ...]:
    """Sums of the strengths of those `known` that are `wanted`, (rows,) float32 each.

    >>> match(np.array([[7, 9]]), np.array([[9, 7]]), np.array([[4.0, 1.0]]), fading=0.5)
    (array([3.]),)

    Args:
        wanted: (rows, most) keys, or one row for all rows of `known`; 0 is none.
        known: (rows, length) keys, or one row for all rows of `wanted`.
        strengths: shaped as `known`.
        fading: weight of each entry of `wanted`, as a share of the one's before it.
    """
    if fading < 1.0:
        one = len(wanted) == 1
        weights = (
            _weights_of_one(wanted[0], known, fading) if one else _weights(wanted, known, fading)
        )
        return tuple(np.einsum("ij,ij->i", counted(each), weights) for each in strengths)
    matched = np.zeros(np.broadcast_shapes((len(wanted), 1), known.shape), bool)
    for place in range(wanted.shape[1]):  # entry by entry: one large comparison would be slower
        matched |= known == wanted[:, place, None]
    weights = (matched & (known != 0)).astype(np.float32)
    return tuple(np.einsum("ij,ij->i", counted(each), weights) for each in strengths)


def places_of(wanted: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where few keys stand among many: entries of `wanted`, and the place of each match.

    What cannot match is passed over by a table of the low bits, whatever is wanted.

    >>> places_of(np.array([7, 0, 9]), np.array([[9, 0], [7, 9]]))
    (array([2, 0, 2]), array([0, 2, 3]))

    Args:
        wanted: (entries,) keys; 0 is none.
        known: keys, of any shape.

    Returns:
        Entries and places in `known.ravel()`, (matches,) each; those of one place in the order of
        the entries, and those of one entry in the order of the places.
    """
    flat, (entries,) = known.ravel(), np.nonzero(wanted)
    low = wanted[entries] & _LOW_BITS
    may_match, entry_of = np.zeros(_LOW_BITS + 1, bool), np.zeros(_LOW_BITS + 1, np.int64)
    may_match[low], entry_of[low] = True, entries
    at = np.flatnonzero(may_match.take(flat & _LOW_BITS))
    keys = flat.take(at)
    if (entry_of[low] == entries).all():  # no two share their low bits: one entry is left for each
        entry = entry_of.take(keys & _LOW_BITS)
        is_it = keys == wanted.take(entry)
        return entry[is_it], at[is_it]
    entry, place = np.divmod(np.flatnonzero(keys == wanted[entries, None]), max(len(at), 1))
    return entries[entry], at[place]


def _weights(wanted: np.ndarray, known: np.ndarray, fading: float) -> np.ndarray:
    """Weight of each of `known`, (rows, length) float32, entry by entry of `wanted`."""
    weights = np.zeros(np.broadcast_shapes((len(wanted), 1), known.shape), np.float32)
    for place in range(wanted.shape[1]):
        entry = wanted[:, place, None]
        if entry.any():
            weights += (known == entry) * np.float32(fading**place) * (entry != 0)
    return weights


def _weights_of_one(wanted: np.ndarray, known: np.ndarray, fading: float) -> np.ndarray:
    """The same, where one row is wanted: few match, and only those are written."""
    entry, at = places_of(wanted, known)
    weights = np.zeros(known.shape, np.float32)
    by_entry = np.array([fading**place for place in range(len(wanted))], np.float32)
    np.add.at(weights.reshape(-1), at, by_entry[entry])
    return weights
