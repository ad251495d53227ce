"""MinHash: texts that share most of their shingles fall into the same bucket.

The minimum of a random hash over a set agrees between two sets with probability s, their Jaccard
similarity. A band is r such minima read as one number; two sets share at least one of b bands with
probability 1 - (1 - s^r)^b.

With the defaults two sets of similarity 0.9 meet in a bucket 99 times of 100, two of similarity 0.5
3 times.

Reference: Broder, SEQUENCES 1997, https://doi.org/10.1109/SEQUEN.1997.666900.
"""

import re
from collections.abc import Set

import numpy as np
import xxhash

_NOT_A_WORD = re.compile(r"[\W_]+")


def shingles(text: str, length: int = 4) -> frozenset[int]:
    """64-bit hashes of all runs of `length` letters of the normalised text.

    Case, punctuation and the order of words do not count: the words are sorted first.

    >>> shingles("Matrix, The") == shingles("the matrix")
    True
    """
    words = " ".join(sorted(_NOT_A_WORD.sub(" ", text.casefold()).split()))
    runs = {words[i : i + length] for i in range(max(len(words) - length + 1, bool(words)))}
    return frozenset(xxhash.xxh3_64_intdigest(run.encode()) for run in runs)


def jaccard(one: Set[int], other: Set[int]) -> float:
    """The shared part of two sets; two empty sets share nothing.

    >>> jaccard({1, 2, 3}, {2, 3, 4})
    0.5
    """
    shared = len(one & other)
    union = len(one) + len(other) - shared
    return shared / union if union else 0.0


class MinHash:
    """Bands of sets of hashes; the same seed gives the same hash functions in every process.

    Args:
        bands: b, how many.
        rows: r, minima per band.
        seed: of the hash functions.
    """

    def __init__(self, bands: int = 8, rows: int = 8, seed: int = 20260101) -> None:
        rng = np.random.default_rng(seed)
        size = (bands * rows, 1)
        self._factor = rng.integers(0, 1 << 63, size=size, dtype=np.uint64) * np.uint64(2) + 1
        self._shift = rng.integers(0, 1 << 63, size=size, dtype=np.uint64)
        self._shape = (bands, rows)

    def __call__(self, hashes: Set[int]) -> np.ndarray:
        """One set -> its bands, shape (bands,), int64, from 0; an empty set has no bucket: -1."""
        bands, rows = self._shape
        if not hashes:
            return np.full(bands, -1, dtype=np.int64)
        values = np.fromiter(hashes, dtype=np.uint64, count=len(hashes))
        mixed = self._factor * values  # wraps: multiply-shift hashing
        mixed += self._shift
        least = (mixed.min(axis=1) >> np.uint64(3)).reshape(bands, rows)  # shifts keep the order
        digests = [xxhash.xxh3_64_intdigest(band) >> 1 for band in least]
        return np.array(digests, dtype=np.int64)
