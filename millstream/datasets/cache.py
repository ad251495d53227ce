"""The cache folder, and folders in it that are there whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_dir() -> Path:
    """`MILLSTREAM_CACHE_DIR`, else `millstream` in the user's cache folder (XDG)."""
    if chosen := os.environ.get("MILLSTREAM_CACHE_DIR"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "millstream"


def cached_folder(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, filled by `fill` when it is not there yet.

    `fill` works on a temporary folder that takes the name only once it is complete: a crash, or two
    processes at once, leave no half-filled one.
    """
    folder = cache_dir() / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        fill(fresh)
        fresh.chmod(0o755)
        if not folder.is_dir():  # somebody else may have been quicker
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder
