"""A copy of `feature_repo/` that belongs to the tests: its own registry, Redis and data."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import prometheus_client  # noqa: F401 - see `_import_metrics`
import pytest

ROOT = Path(__file__).parents[2]


class FeastRepository:
    """The copy, and the environment in which it is used.

    Args:
        folder: for the copy and for the data.
        redis_url: of the online store.
    """

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.path = folder / "feature_repo"
        self.offline = folder / "data" / "offline"
        self.environment = {"REDIS_URL": redis_url, "MILLSTREAM_DATA_DIR": str(folder / "data")}
        shutil.copytree(ROOT / "feature_repo", self.path, ignore=shutil.ignore_patterns("data"))

    def feast(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run `feast ARGUMENTS` in the repository, as its users do."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("feast")), *arguments],
            cwd=self.path,
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
        )

    def store(self) -> Any:
        """Feast's own view of the repository."""
        from feast import FeatureStore  # takes seconds

        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            _import_metrics(patch)
            store = FeatureStore(repo_path=str(self.path))
            assert store.config.online_store  # is made when it is first asked for
            return store


def _import_metrics(patch: pytest.MonkeyPatch) -> None:
    """Import Feast's metrics without what they do to every process that is started afterwards.

    They choose a folder for the metrics files of several processes, and say so in the environment.
    """
    for name in ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR"):
        patch.setenv(name, "unused: prometheus_client has been imported before")
    import feast.metrics  # noqa: F401
