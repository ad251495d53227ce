"""First values of embedding rows, drawn from the id alone.

A Keras table of `fit` and a dynamic table of the online trainer start an id at the same vector, in
every process and in any order of arrival.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from millstream.errors import ConfigurationError
from millstream.ids import id64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class RowInit:
    """How a new row is drawn.

    Args:
        kind: `uniform` over [-scale, scale), `normal` with standard deviation `scale`, or `zeros`.
        scale: of the values; must be above 0 unless `kind` is `zeros`.

    Raises:
        ConfigurationError: an unknown `kind`, or a `scale` that is not above 0.
    """

    kind: Literal["uniform", "normal", "zeros"] = "uniform"
    scale: float = 0.05

    def __post_init__(self) -> None:
        if self.kind not in ("uniform", "normal", "zeros"):
            raise ConfigurationError(
                f"`kind` must be 'uniform', 'normal' or 'zeros'. Received: {self.kind!r}."
            )
        if self.kind != "zeros" and not self.scale > 0:
            raise ConfigurationError(f"`scale` must be above 0. Received: {self.scale!r}.")

    def rows(self, ids: np.ndarray, width: int, table: str = "") -> np.ndarray:
        """The first vectors of `ids` in `table`; id 0 (padding) is all zeros.

        Args:
            ids: (n,) int64.
            width: values per row.
            table: rows of one id differ between tables.

        Returns:
            (n, width) float32.

        >>> init = RowInit("uniform", 0.05)
        >>> bool((init.rows(np.array([7, 9]), 4)[1] == init.rows(np.array([9]), 4)[0]).all())
        True
        """
        if self.kind == "zeros":
            return np.zeros((len(ids), width), np.float32)
        values = self._drawn(_bits(ids, width, id64(table)))
        values[ids == 0] = 0.0
        return values.astype(np.float32)

    def _drawn(self, bits: np.ndarray) -> np.ndarray:
        if self.kind == "uniform":
            return self.scale * (2.0 * _unit(bits) - 1.0)
        # Box-Muller: a logarithm of (0, 1], an angle from a second hash of the same counter.
        radius = np.sqrt(-2.0 * np.log(1.0 - _unit(bits)))
        return self.scale * radius * np.cos(2.0 * np.pi * _unit(_mixed(bits + _GOLDEN)))


def _bits(ids: np.ndarray, width: int, seed: int) -> np.ndarray:
    """(n, width) random uint64: the SplitMix64 stream of each id, seeded by the table."""
    start = _mixed(ids.astype(np.int64).view(np.uint64) ^ _mixed(np.array([seed]).view(np.uint64)))
    return _mixed(start[:, None] + _GOLDEN * np.arange(1, width + 1, dtype=np.uint64))


def _mixed(x: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele, Lea & Flood, OOPSLA 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _unit(bits: np.ndarray) -> np.ndarray:
    """The upper 53 bits as a float64 in [0, 1)."""
    return (bits >> np.uint64(11)) * 2.0**-53
