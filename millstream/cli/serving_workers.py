"""The serving workers that run, by what they tell about themselves on topic `serving`."""

import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from millstream.errors import InvalidEvent, LogUnavailable
from millstream.kafka import consumer
from millstream.settings import Settings
from millstream.snapshots import Control, ServedState
from millstream.snapshots.served_state import GONE_AFTER_S, TOLD_EVERY_S
from millstream.topics import SERVING

_POLL_S = 0.2


class ServingWorkers:
    """Listens to what workers tell, from a few seconds ago on.

    Args:
        settings: of the installation.
        bootstrap_s: how long a broker is looked for.

    Raises:
        LogUnavailable: no broker answers, or it has no such topic.
    """

    def __init__(self, settings: Settings, bootstrap_s: float = 15.0) -> None:
        self._states: dict[str, tuple[ServedState, float]] = {}
        self._partition = TopicPartition(settings.topic(SERVING), 0)
        self._consumer = consumer(
            settings, group_id=None, bootstrap_timeout_ms=int(bootstrap_s * 1000)
        )
        try:
            self._begin()
        except KafkaError as error:
            raise LogUnavailable(f"Serving workers cannot be heard: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._consumer.close()

    def listen(self, seconds: float = 2 * TOLD_EVERY_S) -> list[ServedState]:
        """Hear the workers for so long; how each stands that has been heard lately."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._poll()
        return self._alive()

    def wait_for(self, control: Control, timeout_s: float) -> list[ServedState]:
        """Wait until every worker obeys; those that do not within `timeout_s`, none if all do.

        Raises:
            LogUnavailable: no worker was heard at all.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._poll()
            alive = self._alive()
            missing = [state for state in alive if not state.obeys(control)]
            if alive and not missing:
                return []
            if time.monotonic() > deadline:
                break
        if not alive:
            raise LogUnavailable(f"No serving worker was heard within {timeout_s:g} s.")
        return missing

    def _begin(self) -> None:
        self._consumer.assign([self._partition])
        self._end = self._consumer.end_offsets([self._partition])[self._partition]
        since_ms = int((time.time() - GONE_AFTER_S) * 1000)
        found = self._consumer.offsets_for_times({self._partition: since_ms})[self._partition]
        if found is None:
            self._consumer.seek_to_end(self._partition)
        else:
            self._consumer.seek(self._partition, found.offset)

    def _poll(self) -> None:
        try:
            found = self._consumer.poll(timeout_ms=int(_POLL_S * 1000))
        except KafkaError as error:
            raise LogUnavailable(f"Serving workers cannot be heard: {error}") from error
        for record in found.get(self._partition, ()):
            with suppress(InvalidEvent):
                state = ServedState.decode(record.value or b"")
                self._states[state.worker] = (state, time.monotonic() - self._age_s(record))

    def _age_s(self, record: ConsumerRecord) -> float:
        """How long ago it was told; what lay there at the start may be of workers that are gone."""
        if record.offset >= self._end:
            return 0.0  # just now, whatever the worker's clock says
        return max(time.time() - record.timestamp / 1000.0, 0.0)

    def _alive(self) -> list[ServedState]:
        since = time.monotonic() - GONE_AFTER_S
        alive = [state for state, heard in self._states.values() if heard > since]
        return sorted(alive, key=lambda state: state.worker)
