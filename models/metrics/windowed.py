"""A metric over the newest part of a stream."""

from collections.abc import Callable
from typing import Generic, Self, TypeVar

import numpy as np

from models.metrics.metric import Metric, State
from models.metrics.scored import Scored

M = TypeVar("M", bound=Metric)


class Windowed(Generic[M]):
    """The last `buckets` buckets of a metric; a bucket is full at `bucket_rows` rows.

    Rows decide, not the clock, so that a replay gives the same values. A batch is not cut: a bucket
    may take more than its rows.

    Args:
        make: an empty metric.
        buckets: how many are kept, the one being filled included.
        bucket_rows: rows of a full bucket.

    Raises:
        ValueError: a number below 1.
    """

    def __init__(self, make: Callable[[], M], *, buckets: int, bucket_rows: int) -> None:
        if buckets < 1 or bucket_rows < 1:
            raise ValueError(
                "`buckets` and `bucket_rows` must be at least 1. "
                f"Received: {buckets} and {bucket_rows}."
            )
        self._make = make
        self._limit, self._bucket_rows = buckets, bucket_rows
        self._buckets = [make()]
        self._filled = 0

    def update(self, rows: Scored) -> None:
        if self._filled >= self._bucket_rows:
            self._buckets = [*self._buckets, self._make()][-self._limit :]
            self._filled = 0
        self._buckets[-1].update(rows)
        self._filled += len(rows.labels)

    def merge(self, other: Self) -> None:
        """Count the rows of another window in the newest bucket."""
        for bucket in other._buckets:
            self._buckets[-1].merge(bucket)
        self._filled += other._filled

    def result(self) -> float:
        total = self._make()
        for bucket in self._buckets:
            total.merge(bucket)
        return total.result()

    def state(self) -> State:
        arrays = {
            f"{i}.{name}": values
            for i, bucket in enumerate(self._buckets)
            for name, values in bucket.state().items()
        }
        return {**arrays, "filled": np.array(self._filled), "buckets": np.array(len(self._buckets))}

    def restore(self, state: State) -> None:
        self._buckets = [self._make() for _ in range(int(state["buckets"]))]
        self._filled = int(state["filled"])
        for i, bucket in enumerate(self._buckets):
            prefix = f"{i}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            bucket.restore(own)
