"""The settings as the Feast repository sees them: environment, and the installation's `.env`."""

import os
import re
from pathlib import Path

from millstream.errors import ConfigurationError
from millstream.settings import Settings, read_settings

# A relative folder is meant from the root of the repository, where the workers run.
ROOT = Path(__file__).resolve().parents[1]
# Feast's own variable for another `feature_store.yaml`; `millstream apply` writes one.
STORE_VARIABLE = "FEAST_FS_YAML_FILE_PATH"


def own_settings() -> Settings:
    """The settings now: Feast is used in folders and processes that read others before."""
    return read_settings(ROOT / ".env")


def store_file() -> Path:
    """The `feature_store.yaml` that Feast reads."""
    return Path(os.environ.get(STORE_VARIABLE) or Path(__file__).with_name("feature_store.yaml"))


def check_project(store: Path) -> None:
    """See that Feast and the workers mean the same project, whose name is in every key.

    Raises:
        ConfigurationError: `feature_store.yaml` says another one than the settings.
    """
    found = re.search(r"^project:\s*(\S+)", os.path.expandvars(store.read_text()), re.MULTILINE)
    named = found[1] if found else None
    wanted = own_settings().feast_project
    if named != wanted:
        raise ConfigurationError(
            f"MILLSTREAM_FEAST_PROJECT and `project` in {store.name} must be the same."
            f" Received: {wanted!r} and {named!r}. Write `project: {wanted}` there, or use"
            " `millstream apply`."
        )
