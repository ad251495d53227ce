"""JSON schema of `domain.toml`, with which an editor completes and checks it.

The file is kept in the templates' folder: `python -m millstream.domain.schema` writes it anew.
"""

import json
from pathlib import Path

from millstream.domain.current import TEMPLATES
from millstream.domain.declaration import Domain

SCHEMA_NAME = "domain.schema.json"
SCHEMA = TEMPLATES / SCHEMA_NAME


def schema_text() -> str:
    """The schema as a file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Domain.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


def write(file: Path = SCHEMA) -> None:
    """Write the schema."""
    file.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    write()
