"""Places of local services: the user's cache folder, and free ports on 127.0.0.1."""

import os
import random
import socket
from itertools import islice
from pathlib import Path

from deploy.local.process import ServiceError

HOST = "127.0.0.1"
# Below what systems hand out to outgoing connections (Linux from 32768, others from 49152), so that
# nobody takes a port by chance between its choice and the server's start.
PORTS = range(15_000, 32_000)


def cache_dir() -> Path:
    """`MILLSTREAM_CACHE_DIR`, else `millstream` in the user's cache folder (XDG)."""
    if chosen := os.environ.get("MILLSTREAM_CACHE_DIR"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "millstream"


def free_ports(count: int) -> list[int]:
    """`count` different ports that nothing listens on, and that no client is given by chance."""
    # Not the module's generator: two processes with the same seed must not choose the same ports.
    candidates = random.SystemRandom().sample(PORTS, len(PORTS))
    free = list(islice((port for port in candidates if _is_free(port)), count))
    if len(free) < count:
        raise ServiceError(f"{count} free ports are needed. Received: {len(free)}.")
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def accepts_connections(port: int) -> bool:
    """True if something listens on `port` of 127.0.0.1."""
    try:
        with socket.create_connection((HOST, port), timeout=0.5):
            return True
    except OSError:
        return False
