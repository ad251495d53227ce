"""Logging: one line a record on standard error, or JSON lines for a log collector."""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

# Clients that say the same many times a second while a broker is away.
_NOISY = ("kafka", "aiokafka", "faust", "mode")
_NOISY_EVERY_S = 30.0

_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Throttle(logging.Filter):
    """Lets each message of the `noisy` loggers pass once in `every_s` seconds.

    What is the same is told by the logger and the text before its arguments are filled in.
    """

    def __init__(
        self,
        noisy: tuple[str, ...] = _NOISY,
        every_s: float = _NOISY_EVERY_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._noisy, self._every_s, self._now = noisy, every_s, now
        self._passed_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.split(".")[0] not in self._noisy:
            return True
        key, now_s = (record.name, str(record.msg)[:60]), self._now()
        if now_s - self._passed_at.get(key, float("-inf")) < self._every_s:
            return False
        self._passed_at[key] = now_s
        return True


def configure(
    level: str = "INFO",
    style: Literal["text", "json"] = "text",
    libraries: str = "WARNING",
) -> None:
    """Send every record of `level` and above to standard error in the given style.

    Args:
        level: of our own loggers.
        style: lines for people, or JSON lines for a log collector.
        libraries: level of the Kafka and Faust clients, which say much.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else logging.Formatter(_TEXT))
    handler.addFilter(Throttle())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(libraries)
