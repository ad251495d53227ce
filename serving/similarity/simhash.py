"""SimHash: vectors at a small angle fall into the same bucket.

Each bit is the side of a random plane that a vector lies on; two vectors agree in a bit with
probability 1 - angle / pi. A band is a run of bits read as one number: two vectors share at least
one of b bands of r bits with probability 1 - (1 - (1 - angle / pi)^r)^b.

With the defaults two vectors of cosine 0.995 meet in a bucket 19 times of 20, two of cosine 0.8 (of
which the best of any list have many) once in 200 times.

Reference: Charikar, STOC 2002, https://doi.org/10.1145/509907.509965.
"""

import numpy as np


class SimHash:
    """Bands of vectors of one width; the same seed gives the same planes in every process.

    Args:
        dim: width of the vectors.
        bands: b, how many.
        bits: r, bits per band, at most 62.
        seed: of the planes.

    Raises:
        ValueError: `bits` is not between 1 and 62.
    """

    def __init__(self, dim: int, bands: int = 8, bits: int = 32, seed: int = 20260101) -> None:
        if not 1 <= bits <= 62:
            raise ValueError(f"`bits` must be between 1 and 62. Received: {bits!r}.")
        rng = np.random.default_rng(seed)
        self._planes = rng.normal(size=(dim, bands * bits)).astype(np.float32)
        self._shape = (bands, bits)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Shape (n, dim) -> (n, bands), int64."""
        sides = (np.asarray(vectors, dtype=np.float32) @ self._planes) > 0.0
        bands, bits = self._shape
        words = np.zeros((len(sides), bands, 64), dtype=bool)
        words[:, :, :bits] = sides.reshape(len(sides), bands, bits)
        return np.packbits(words, axis=-1, bitorder="little").view("<i8")[:, :, 0]
