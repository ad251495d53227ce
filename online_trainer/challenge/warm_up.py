"""The warming up of challengers: retained examples, in the time that new ones leave."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from millstream.errors import LogUnavailable
from online_trainer.challenge.challenger import Challenger
from online_trainer.io.log import ConsumedMessage
from online_trainer.trainer import Trainer

log = logging.getLogger(__name__)

_POLL_S = 0.05


class Messages(Protocol):
    """Messages of the trainer's input, from a position on."""

    def poll(self, wait_s: float) -> Iterator[ConsumedMessage]:
        """The next ones, in order; none if none came within `wait_s` seconds."""
        ...

    def close(self) -> None:
        """Let them go."""
        ...


class WarmUp:
    """Brings challengers to where the trainer is, one message at a time.

    Args:
        trainer: whose challengers they are.
        messages: opens the input at an offset, or at the oldest message after it.
        share: seconds of warming up per second of learning from new examples.
    """

    def __init__(self, trainer: Trainer, messages: Callable[[int], Messages], share: float) -> None:
        self._trainer, self._open, self._share = trainer, messages, share
        self._sources: dict[Challenger[Any], tuple[Messages, Iterator[ConsumedMessage]]] = {}

    @property
    def waiting(self) -> list[Challenger[Any]]:
        """Challengers that have not come to the present yet."""
        return [each for each in self._trainer.challengers if not each.is_live]

    def work(self, spent_s: float, idle_s: float) -> None:
        """Warm up for a while; at least one message of each challenger.

        Args:
            spent_s: that learning from new examples took since the last time.
            idle_s: that may be used where none came.
        """
        until = time.perf_counter() + (spent_s * self._share or idle_s)
        while waiting := self.waiting:
            for challenger in waiting:
                self._step(challenger)
            if time.perf_counter() >= until:
                break

    def close(self) -> None:
        """Let all connections go."""
        for messages, _ in self._sources.values():
            messages.close()
        self._sources.clear()

    def _step(self, challenger: Challenger[Any]) -> None:
        """The next message of a challenger, or its entry into the present."""
        now = self._trainer.offsets
        is_of_other_log = challenger.offsets.log not in ("", now.log)
        if is_of_other_log or challenger.offsets.offset >= now.offset:
            self._join(challenger)
            return
        challenger.offsets.log = now.log
        message = self._next(challenger)
        if message is None:
            return
        if message.offset >= now.offset:
            self._join(challenger)
        else:
            challenger.catch_up(message.value, message.offset)

    def _next(self, challenger: Challenger[Any]) -> ConsumedMessage | None:
        if challenger not in self._sources:
            try:
                opened = self._open(challenger.offsets.offset)
            except LogUnavailable as error:
                log.warning("The new %s waits: %s", challenger.role, error)
                return None
            self._sources[challenger] = (opened, iter(()))
        messages, polled = self._sources[challenger]
        found = next(polled, None)
        if found is None:
            polled = messages.poll(_POLL_S)
            self._sources[challenger] = (messages, polled)
            found = next(polled, None)
        return found

    def _join(self, challenger: Challenger[Any]) -> None:
        challenger.join(self._trainer.offsets)
        if challenger in self._sources:
            self._sources.pop(challenger)[0].close()
        log.info("The new %s has come to the present: it is compared now.", challenger.role)
