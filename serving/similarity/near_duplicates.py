"""Near-duplicates: of things that are almost the same, keep the first.

Locality-sensitive hashing proposes pairs (`bucket_pairs`), the exact similarity decides, and of two
that are almost the same the later goes (`repeats`).

A bucket that holds more than `LARGEST_BUCKET` of a list says nothing about any of them (the vectors
of a model that has learnt nothing yet are all alike) and proposes none: the work stays linear.
"""

import numpy as np

LARGEST_BUCKET = 16


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
    if not _any_shared(bands):  # as in most lists
        return np.empty((0, 2), dtype=np.int64)
    things, runs = _shared_buckets(bands)
    pairs = [np.empty(0, dtype=np.int64)]
    for apart in range(1, LARGEST_BUCKET):
        is_pair = runs[apart:] == runs[:-apart]
        if not is_pair.any():
            break
        pairs.append(things[:-apart][is_pair] * len(bands) + things[apart:][is_pair])
    earlier, later = np.divmod(np.unique(np.concatenate(pairs)), max(len(bands), 1))
    return np.stack([earlier, later], axis=1)


def repeats(pairs: np.ndarray, n: int) -> np.ndarray:
    """Which of n things, in order, are almost the same as one kept before them.

    A thing is compared with those that were kept, not with those that were removed, so a chain of
    small differences does not remove its far end.

    Args:
        pairs: shape (pairs, 2), positions that are almost the same, the earlier first.

    Returns:
        Shape (n,), bool: True is a repeat.

    >>> repeats(np.array([[0, 1], [1, 2]]), 3)
    array([False,  True, False])
    """
    repeat = np.zeros(n, dtype=bool)
    for earlier, later in pairs[np.argsort(pairs[:, 1], kind="stable")].tolist():
        if not repeat[earlier]:
            repeat[later] = True
    return repeat


def _any_shared(bands: np.ndarray) -> bool:
    keys = np.sort(bands.T, axis=1)  # a row a band: sorting neighbours in memory is faster
    return bool(((keys[:, 1:] == keys[:, :-1]) & (keys[:, 1:] >= 0)).any())


def _shared_buckets(bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Things bucket by bucket, in order, and the number of each one's bucket.

    Buckets with one thing, or with too many, are left out.
    """
    order = np.argsort(bands, axis=0, kind="stable")
    keys = np.take_along_axis(bands, order, axis=0)
    begins = np.ones(keys.shape, dtype=bool)
    begins[1:] = keys[1:] != keys[:-1]
    runs = np.cumsum(begins.T.ravel())  # column after column, so that no run crosses a band
    sizes = np.bincount(runs)[runs]
    shared = (sizes > 1) & (sizes <= LARGEST_BUCKET) & (keys.T.ravel() >= 0)
    return order.T.ravel()[shared], runs[shared]
