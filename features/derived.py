"""Model inputs that are computed at the moment of scoring, from as-of features and the time."""

import numpy as np

from features.local_time import local_s

# A rate starts at 1/2 with the weight of this many events: one event does not make it 0 or 1.
PRIOR_EVENTS = 4.0
PRIOR_RATE = 0.5
# More events than this are not told apart.
MOST_COUNTED = 1e9


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
        return _faded_match(wanted, known, strengths, fading)
    matched = np.zeros(np.broadcast_shapes((len(wanted), 1), known.shape), bool)
    for place in range(wanted.shape[1]):  # entry by entry: one large comparison would be slower
        matched |= known == wanted[:, place, None]
    weights = (matched & (known != 0)).astype(np.float32)
    return tuple(np.einsum("ij,ij->i", counted(each), weights) for each in strengths)


def _faded_match(
    wanted: np.ndarray, known: np.ndarray, strengths: tuple[np.ndarray, ...], fading: float
) -> tuple[np.ndarray, ...]:
    weights = np.zeros(np.broadcast_shapes((len(wanted), 1), known.shape), np.float32)
    for place in range(wanted.shape[1]):
        entry = wanted[:, place, None]
        if entry.any():
            weights += (known == entry) * np.float32(fading**place) * (entry != 0)
    return tuple(np.einsum("ij,ij->i", counted(each), weights) for each in strengths)
