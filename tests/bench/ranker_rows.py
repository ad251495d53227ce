"""The rows on which the speed of rankers is compared: 20 id fields of a skewed distribution.

Rankers of behaviour sequences have a list beside: 20 ids of the first field's table, newest first,
in 5 sessions of 4. Every list is full. Needs NumPy alone, so that rivals in other environments read
the same.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

FIELDS, IDS, WIDTH = 20, 5_000, 16
SESSIONS, ENTRIES = 5, 4
BATCH, WARM_UP, STEPS = 2048, 4, 16  # of `fit`, an epoch
SMALL_BATCH, SMALL_WARM_UP, SMALL_STEPS = 256, 10, 50  # of steps on their own, a round
ROWS = BATCH * (WARM_UP + STEPS)
HOUR_S = 3600.0


def names() -> list[str]:
    return [f"field_{place:02d}" for place in range(FIELDS)]


def rows() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """`{field: (ROWS,) ids from 1}` and labels in {0, 1}; the same every time."""
    rng = np.random.default_rng(0)
    x = {name: _ids(rng, (ROWS,)) for name in names()}
    return x, (rng.random(ROWS) < 0.3).astype(np.float32)


def histories() -> np.ndarray:
    """(ROWS, sessions, entries) ids from 1, newest first; the same every time."""
    return _ids(np.random.default_rng(1), (ROWS, SESSIONS, ENTRIES))


def times() -> np.ndarray:
    """(ROWS, sessions x entries) seconds: an hour between sessions, nothing within."""
    of_row = np.repeat(np.arange(SESSIONS, 0, -1, dtype=np.float32) * HOUR_S, ENTRIES)
    return np.tile(of_row, (ROWS, 1))


def small_batches(columns: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """Those of one round."""
    for start in range(0, SMALL_BATCH * (SMALL_WARM_UP + SMALL_STEPS), SMALL_BATCH):
        yield {name: values[start : start + SMALL_BATCH] for name, values in columns.items()}


class Meter:
    """Examples per CPU second, of all threads, round by round.

    Args:
        batch: examples of a step.
        warm_up: steps at the beginning of a round that do not count.
        steps: after them, that do.

    Attributes:
        rates: of the rounds that are done.
    """

    def __init__(self, batch: int, warm_up: int, steps: int) -> None:
        self.rates: list[float] = []
        self._batch, self._warm_up, self._steps = batch, warm_up, steps
        self._done, self._start = 0, 0.0

    def step(self) -> None:
        """A step is done."""
        self._done += 1
        if self._done == self._warm_up:
            self._start = time.process_time()
        if self._done == self._warm_up + self._steps:
            took = time.process_time() - self._start
            self.rates.append(self._batch * self._steps / took)
            self._done = 0


def fit_rates(
    keras: Any, model: Any, columns: dict[str, np.ndarray], labels: np.ndarray, rounds: int
) -> list[float]:
    """Rates of `fit`, an epoch a round.

    Args:
        keras: the module that `model` is of: each environment has its own.
    """
    meter = Meter(BATCH, WARM_UP, STEPS)
    counting = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: meter.step())
    model.fit(columns, labels, BATCH, epochs=rounds, verbose=0, callbacks=[counting])
    return meter.rates


def _ids(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return 1 + (IDS * rng.random(shape) ** 2).astype(np.int64)
