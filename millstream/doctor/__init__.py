"""Examination of an installation: checks of each part, as findings with what to do.

A check is a pure function of what was read (`*_checks.py`); `reading.py` reads it from Kafka,
Redis, the disk and the workers; `examination.py` does both, and a part that does not answer is a
finding, too.
"""

from millstream.doctor.examination import examine
from millstream.doctor.finding import Finding, Level, fail, worst

__all__ = ["Finding", "Level", "examine", "fail", "worst"]
