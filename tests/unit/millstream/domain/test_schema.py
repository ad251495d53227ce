"""The schema that editors use is that of the reader."""

import re

import pytest

from millstream.domain.current import TEMPLATES
from millstream.domain.declaration import Domain
from millstream.domain.schema import SCHEMA, schema_text
from millstream.domain.templates import template_names


def test_the_file_is_up_to_date():
    assert SCHEMA.read_text() == schema_text(), "run: python -m millstream.domain.schema"


@pytest.mark.parametrize("name", template_names())
def test_every_template_names_it(name):
    first = (TEMPLATES / name / "domain.toml").read_text().splitlines()[0]
    assert (TEMPLATES / name / first.removeprefix("#:schema ")).resolve() == SCHEMA


def test_every_key_is_explained():
    """But those that say which form a table has."""
    tables = [Domain.model_json_schema(), *Domain.model_json_schema()["$defs"].values()]
    keys = {
        f"{table['title']}.{name}": key
        for table in tables
        for name, key in table["properties"].items()
        if name not in ("type", "family", "user", "item")
    }
    assert len(keys) > 40
    for name, key in keys.items():
        assert re.fullmatch(r"[A-Z`].*\.", key["description"], re.DOTALL), name
