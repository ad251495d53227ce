"""Templates of project folders, which ship with the package."""

from pathlib import Path

from millstream.domain.current import TEMPLATES
from millstream.domain.reading import FILE_NAME
from millstream.domain.schema import SCHEMA, SCHEMA_NAME
from millstream.errors import ConfigurationError


def template_names() -> list[str]:
    """Their names, sorted."""
    return sorted(file.parent.name for file in TEMPLATES.glob(f"*/{FILE_NAME}"))


def write_project(folder: Path, template: str) -> list[Path]:
    """Write a project folder from a template; the schema lies beside the domain file.

    Returns:
        The files.

    Raises:
        ConfigurationError: the folder has a domain file already, or cannot be written.
    """
    if (folder / FILE_NAME).exists():
        raise ConfigurationError(
            f"The folder must have no {FILE_NAME} yet. Received: {folder / FILE_NAME}."
        )
    source = TEMPLATES / template
    texts = {
        FILE_NAME: (source / FILE_NAME).read_text().replace(f"../{SCHEMA_NAME}", SCHEMA_NAME, 1),
        "README.md": (source / "README.md").read_text(),
        SCHEMA_NAME: SCHEMA.read_text(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written: {error.strerror}.") from error
    return [folder / name for name in texts]
