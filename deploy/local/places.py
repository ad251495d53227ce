"""Where local services live: the user's cache folder, and free ports on 127.0.0.1."""

import os
import socket
from pathlib import Path

HOST = "127.0.0.1"


def cache_dir() -> Path:
    """`MILLSTREAM_CACHE_DIR`, else `millstream` in the user's cache folder (XDG)."""
    if chosen := os.environ.get("MILLSTREAM_CACHE_DIR"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "millstream"


def free_ports(count: int) -> list[int]:
    """`count` different ports that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def accepts_connections(port: int) -> bool:
    """Whether something listens on `port` of 127.0.0.1."""
    try:
        with socket.create_connection((HOST, port), timeout=0.5):
            return True
    except OSError:
        return False
