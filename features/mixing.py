"""Mixing of 64-bit numbers: neighbours become as good as independent."""

import numpy as np

_MIX = (
    (np.uint64(30), np.uint64(0xBF58_476D_1CE4_E5B9)),
    (np.uint64(27), np.uint64(0x94D0_49BB_1331_11EB)),
)


def mixed64(values: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser of uint64 numbers, in the same shape.

    Reference: Steele, Lea and Flood, OOPSLA 2014.
    """
    with np.errstate(over="ignore"):
        for shift, factor in _MIX:
            values = (values ^ (values >> shift)) * factor
    return values ^ (values >> np.uint64(31))
