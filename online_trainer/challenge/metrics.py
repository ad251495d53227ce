"""Metrics of challengers, on the trainer's `/metrics`."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from millstream.snapshots.layout import ROLES, Role
from online_trainer.trainer import Trainer

_PREFIX = "millstream_trainer_challenger"


class ChallengerMetrics:
    """How far challengers are, by role; a role without one has zeros."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._behind = Gauge(
            f"{_PREFIX}_behind_messages",
            "Retained messages that a changed model has not learnt from yet",
            ["role"],
            registry=registry,
        )
        self._compared = Gauge(
            f"{_PREFIX}_compared_ratio",
            "Share of the rows on which a changed model is compared with the served one",
            ["role"],
            registry=registry,
        )
        self._worse = Gauge(
            f"{_PREFIX}_worse_by",
            "Difference by which a changed model is worse than the served one on the same newest "
            "rows, with the ends of its 95 % interval (99.5 % before all rows are there)",
            ["role", "measure", "end"],
            registry=registry,
        )
        self._promoted = Counter(
            f"{_PREFIX}_promotions", "Changed models that took over", ["role"], registry=registry
        )
        for role in ROLES:
            self._promoted.labels(role)

    def state(self, trainer: Trainer) -> None:
        """How all stand; to be called about once a second."""
        self._worse.clear()
        standing = {challenger.role: challenger for challenger in trainer.challengers}
        for role in ROLES:
            own = standing.get(role)
            behind = own is not None and not own.is_live
            offset = own.offsets.offset if own is not None else 0
            self._behind.labels(role).set(trainer.offsets.offset - offset if behind else 0)
            self._compared.labels(role).set(own.window.progress if own is not None else 0.0)
            for measure, interval in (own.window.worse_by() if own is not None else {}).items():
                for end, value in interval._asdict().items():
                    self._worse.labels(role, measure, end).set(value)

    def promoted(self, roles: Sequence[Role]) -> None:
        """Challengers have taken over."""
        for role in roles:
            self._promoted.labels(role).inc()
