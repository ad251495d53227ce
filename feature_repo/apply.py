"""`feast apply` for an installation: project, stores and registry are those of its settings."""

import os
from pathlib import Path

import yaml

from feature_repo.project import STORE_VARIABLE
from millstream.settings import Settings

# Beside the offline store: what `feast -f` and `FeatureStore(fs_yaml_file=...)` take.
FOLDER_NAME = "feast"


def apply_definitions(settings: Settings) -> Path:
    """Tell Feast of every feature; returns the `feature_store.yaml` that was written for it.

    A command's own process is meant: the settings become its environment, from which the
    definitions take them.
    """
    data_dir = settings.data_dir.resolve()
    store = _store_file(data_dir / FOLDER_NAME, settings.feast_project)
    os.environ |= {
        "MILLSTREAM_DATA_DIR": str(data_dir),
        "MILLSTREAM_FEAST_PROJECT": settings.feast_project,
        "REDIS_URL": settings.redis_url,
        STORE_VARIABLE: str(store),
    }
    from feast import FeatureStore

    from feature_repo import definitions

    feast = FeatureStore(fs_yaml_file=store)
    feast.apply([*definitions.ENTITIES.values(), *definitions.FEATURE_VIEWS, definitions.RANKING])
    return store


def _store_file(folder: Path, project: str) -> Path:
    """The repository's `feature_store.yaml` with this project, and the registry beside it."""
    said = yaml.safe_load(Path(__file__).with_name("feature_store.yaml").read_text())
    said |= {"project": project, "registry": str(folder / "registry.db")}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "feature_store.yaml"
    file.write_text(yaml.safe_dump(said, sort_keys=False))
    return file
