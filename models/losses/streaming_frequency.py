"""How likely an item is to be in a batch, estimated from the stream alone.

Reference: Yi et al., RecSys 2019, https://doi.org/10.1145/3298689.3346996, algorithms 2 and 3.
"""

import numpy as np

_ODD = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F], np.uint64
)


class StreamingFrequency:
    """B <- (1 - alpha) B + alpha (t - A), A <- t; q = 1 / B.

    B is an item's mean number of batches from one appearance to the next, A the number of the batch
    that held it last. Both live in hashed slots: memory is fixed whatever the number of items. An
    item has one slot in each of several tables and takes the largest B, because a collision can
    only make B smaller.

    Unlike the paper's, an item's first B is the number of its first batch, not a constant: a start
    that asks for no tuning and has no bias of 1/alpha batches' length. An item that was never seen
    is taken to be due in the next batch.

    Args:
        slots: of each table, a power of two.
        tables: at most 4.
        alpha: weight of the newest gap, in (0, 1].

    Attributes:
        step: batches seen.
        last: A, (tables, slots) int64; 0 is never.
        gap: B, (tables, slots) float64.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(self, slots: int = 1 << 18, tables: int = 2, alpha: float = 0.01) -> None:
        if slots < 2 or slots & (slots - 1):
            raise ValueError(f"`slots` must be a power of two above 1. Received: {slots}.")
        if not 1 <= tables <= len(_ODD):
            raise ValueError(f"`tables` must be 1 to {len(_ODD)}. Received: {tables}.")
        if not 0.0 < alpha <= 1.0:
            raise ValueError(f"`alpha` must be in (0, 1]. Received: {alpha}.")
        self.alpha = alpha
        self.step = 0
        self.last = np.zeros((tables, slots), np.int64)
        self.gap = np.zeros((tables, slots), np.float64)

    def update(self, ids: np.ndarray) -> None:
        """Count one batch: (n,) int64 ids, of which each counts once."""
        self.step += 1
        for table, slots in enumerate(self._slots(np.unique(ids))):
            slots = np.unique(slots)
            last, gap = self.last[table, slots], self.gap[table, slots]
            newest = (self.step - last).astype(np.float64)
            averaged = (1.0 - self.alpha) * gap + self.alpha * newest
            self.gap[table, slots] = np.where(last == 0, newest, averaged)
            self.last[table, slots] = self.step

    def probability(self, ids: np.ndarray) -> np.ndarray:
        """The q of (n,) int64 ids, in (0, 1]: the chance to be in a batch."""
        slots = self._slots(ids)
        tables = np.arange(len(slots))[:, None]
        seen = (self.last[tables, slots] > 0).all(axis=0)
        gap = np.where(seen, self.gap[tables, slots].max(axis=0), self.step + 1.0)
        return 1.0 / np.maximum(gap, 1.0)

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a snapshot holds; `restore` takes them back."""
        return {"step": np.array(self.step), "last": self.last.copy(), "gap": self.gap.copy()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from `state`.

        Raises:
            ValueError: it was taken with other `slots` or `tables`.
        """
        if state["last"].shape != self.last.shape:
            raise ValueError(
                f"`state` must have tables of shape {self.last.shape}. "
                f"Received: {state['last'].shape}."
            )
        self.step = int(state["step"])
        self.last, self.gap = state["last"].copy(), state["gap"].copy()

    def _slots(self, ids: np.ndarray) -> np.ndarray:
        """(tables, n) slot numbers: multiply-shift hashing."""
        tables, slots = self.last.shape
        products = ids.astype(np.int64).view(np.uint64)[None, :] * _ODD[:tables, None]
        return (products >> np.uint64(65 - slots.bit_length())).astype(np.int64)
