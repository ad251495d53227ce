"""The rows on which the speed of rankers is compared: 20 id fields of a skewed distribution.

Needs NumPy alone, so that rivals in other environments read the same.
"""

import numpy as np

FIELDS, IDS, WIDTH = 20, 5_000, 16
ROWS, BATCH, EPOCHS = 50 * 2048, 2048, 2


def names() -> list[str]:
    return [f"field_{place:02d}" for place in range(FIELDS)]


def rows() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """`{field: (ROWS,) ids from 1}` and labels in {0, 1}; the same every time."""
    rng = np.random.default_rng(0)
    x = {name: 1 + (IDS * rng.random(ROWS) ** 2).astype(np.int64) for name in names()}
    return x, (rng.random(ROWS) < 0.3).astype(np.float32)
