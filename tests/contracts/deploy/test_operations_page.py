"""The operator's page tells of every setting as it is."""

from millstream.settings import Settings, variable_name
from tests.contracts.deploy.conftest import ROOT


def row(name: str) -> str:
    """A setting's line in the page's table."""
    field = Settings.model_fields[name]
    return f"| `{variable_name(name)}` | `{field.default}` | {field.description} |"


def test_the_table_of_settings_is_complete_and_right():
    lines = (ROOT / "docs" / "operations.md").read_text().splitlines()
    table = [
        line for line in lines if line.startswith(("| `MILLSTREAM_", "| `KAFKA_", "| `REDIS_"))
    ]
    expected = [row(name) for name in Settings.model_fields]
    assert table == expected, "the table should be:\n" + "\n".join(expected)
