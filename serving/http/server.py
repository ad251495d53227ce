"""The application behind uvicorn."""

import functools
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from millstream.errors import ConfigurationError
from millstream.logs import Throttle
from millstream.settings import Settings
from serving.http.protocol import BoundedProtocol, Bounds

# Longer than what proxies keep an idle connection for (usually 60 s): they must close it first, or
# the request that they send just then is lost.
KEEP_ALIVE_S = 75

Port = socket.socket


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


@contextmanager
def opened(settings: Settings) -> Iterator[Port]:
    """The port of the settings, opened once for several processes.

    It listens as soon as one of them serves. Connections wait in one queue, so whichever process
    is free takes the next one, and those that wait do not end with one that is killed.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    host, port = settings.host, settings.serving_port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                "The address of the HTTP server must be free to listen on. Received: "
                f"{host}:{port}, of which the system says: {error.strerror}."
            ) from error
        yield found


def run(app: ASGIApp, settings: Settings, port: Port | None = None) -> None:
    """Serve until told to end; requests that are on their way are finished.

    Args:
        port: that is open; None opens the one of the settings.
    """
    # What clients send wrong must not fill the log.
    logging.getLogger("uvicorn.error").addFilter(Throttle(noisy=("uvicorn",)))
    if port is None:
        uvicorn.run(app, **options(settings))
    else:
        uvicorn.Server(uvicorn.Config(app, **options(settings))).run([port])
