"""How often things happen in simulated time."""

import re
from dataclasses import dataclass
from math import inf

from millstream.errors import ConfigurationError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)(s|m|h|d)$")


def seconds(text: str) -> float:
    """A span of time.

    >>> seconds("30s"), seconds("24h"), seconds("2.5m")
    (30.0, 86400.0, 150.0)

    Raises:
        ValueError: it is not a number and a unit.
    """
    found = _SPAN.match(text)
    if found is None:
        raise ValueError(f"Expected a span such as 30s, 5m, 24h or 7d. Received: {text!r}.")
    return float(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True)
class Cadence:
    """The rhythm of one run; seconds of simulated time.

    Args:
        batch_s: the stream works on what has come, and the trainer learns it, so often.
        snapshot_s: between two snapshots: 0 is one after every batch, infinite is none but the one
            that is taken when asking begins and something has been learnt.
        feature_delay_s: how long an event takes until the stream sees it.
    """

    batch_s: float = 5.0
    snapshot_s: float = 300.0
    feature_delay_s: float = 0.0

    @classmethod
    def of(cls, batch_every: str, snapshot_every: str, feature_delay: str = "0s") -> "Cadence":
        """The rhythm of these spans; `snapshot_every` may be `never` or `batch`.

        Raises:
            ConfigurationError: a span cannot be read.
        """
        try:
            every_s = snapshot_seconds(snapshot_every)
            return cls(seconds(batch_every), every_s, seconds(feature_delay))
        except ValueError as error:
            raise ConfigurationError(str(error)) from error


def snapshot_seconds(text: str) -> float:
    """`never`, `batch` or a span: seconds between two snapshots.

    >>> snapshot_seconds("never"), snapshot_seconds("batch"), snapshot_seconds("1h")
    (inf, 0.0, 3600.0)
    """
    return {"never": inf, "batch": 0.0}[text] if text in ("never", "batch") else seconds(text)
