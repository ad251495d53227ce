"""Near-duplicates: of things that are almost the same, keep the first.

Locality-sensitive hashing proposes pairs (those that share a bucket), the exact similarity decides.
A bucket that holds more than `LARGEST_BUCKET` of a list says nothing about any of them (the vectors
of a model that has learnt nothing yet are all alike) and proposes none: the work stays linear.
"""

from collections.abc import Callable

import numpy as np

LARGEST_BUCKET = 16

Alike = Callable[[int, int], bool]


def bucket_pairs(bands: np.ndarray) -> np.ndarray:
    """Pairs (i, j), i < j, that share a bucket in at least one band.

    Args:
        bands: shape (n, bands), int64; a negative value is no bucket.

    Returns:
        Shape (pairs, 2), int64, sorted, without repeats.

    >>> bucket_pairs(np.array([[7, 1], [5, 2], [7, 2]]))
    array([[0, 2],
           [1, 2]])
    """
    found = [_pairs_of_band(band) for band in bands.T]
    pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *found])
    return np.unique(pairs, axis=0)


def repeats(pairs: np.ndarray, alike: Alike, n: int) -> np.ndarray:
    """Which of n things, in order, are almost the same as one kept before them.

    A thing is compared with those that were kept, not with those that were removed, so a chain of
    small differences does not remove its far end.

    Args:
        pairs: from `bucket_pairs`.
        alike: whether two positions, the earlier first, are almost the same; asked for pairs only.

    Returns:
        Shape (n,), bool: True is a repeat.
    """
    repeat = np.zeros(n, dtype=bool)
    for later, earlier in sorted((int(j), int(i)) for i, j in pairs):
        if not repeat[earlier] and not repeat[later]:
            repeat[later] = alike(earlier, later)
    return repeat


def _pairs_of_band(band: np.ndarray) -> np.ndarray:
    order = np.argsort(band, kind="stable")
    order = order[band[order] >= 0]
    edges = np.flatnonzero(np.diff(band[order])) + 1
    groups = [group for group in np.split(order, edges) if 1 < len(group) <= LARGEST_BUCKET]
    pairs = [np.column_stack(_upper(group)) for group in groups]
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs])


def _upper(group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.triu_indices(len(group), k=1)
    return group[first], group[second]
