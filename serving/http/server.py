"""The application behind uvicorn."""

import functools
import logging
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from millstream.logs import Throttle
from millstream.settings import Settings
from serving.http.protocol import BoundedProtocol, Bounds

# Longer than what proxies keep an idle connection for (usually 60 s): they must close it first, or
# the request that they send just then is lost.
KEEP_ALIVE_S = 75


def options(settings: Settings) -> dict[str, Any]:
    """How uvicorn serves the application."""
    bounds = Bounds(settings.header_timeout_s, settings.body_timeout_s, settings.max_connections)
    return {
        "host": settings.host,
        "port": settings.serving_port,
        "loop": "uvloop",
        "http": functools.partial(BoundedProtocol, bounds),
        "ws": "none",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": 10,
    }


def run(app: ASGIApp, settings: Settings) -> None:
    """Serve until told to end; requests that are on their way are finished."""
    # What clients send wrong must not fill the log.
    logging.getLogger("uvicorn.error").addFilter(Throttle(noisy=("uvicorn",)))
    uvicorn.run(app, **options(settings))
