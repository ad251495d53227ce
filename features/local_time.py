"""The clock of the domain's time zone."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from millstream.domain import domain

# Every offset since 1970 begins at a whole quarter of an hour.
_QUARTER_S = 900.0
_LATEST_S = 4_102_444_800.0  # 2100


def local_s(time_s: np.ndarray, zone: str = domain().time_zone) -> np.ndarray:
    """Seconds on the clock of a time zone since 1970 was shown there.

    Args:
        time_s: Unix seconds; outside of 1970 to 2100 the offset of the nearest of these.
        zone: of the IANA list.

    >>> (local_s(np.array([1_700_000_000.0]), "Asia/Shanghai") - 1_700_000_000.0).tolist()
    [28800.0]
    """
    times = np.asarray(time_s)
    if zone == "UTC":
        return times
    quarters, place = np.unique(
        np.fmin(np.fmax(times, 0.0), _LATEST_S) // _QUARTER_S, return_inverse=True
    )
    offsets = np.array([_offset_s(zone, quarter) for quarter in quarters.tolist()], np.float64)
    return times + offsets[place].reshape(times.shape)


@lru_cache(maxsize=100_000)
def _offset_s(zone: str, quarter: float) -> float:
    offset = (
        datetime.fromtimestamp(quarter * _QUARTER_S, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    )
    return offset.total_seconds() if offset else 0.0
