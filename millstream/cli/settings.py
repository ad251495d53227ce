"""`millstream settings`: what can be set, what it means, what it is now."""

import click
from rich.console import Console
from rich.table import Table

from millstream.settings import Settings, shown, variable_name
from millstream.settings import settings as current_settings


@click.command()
def settings() -> None:
    """Show every setting and its present value; secrets are masked.

    \b
    Example:
      MILLSTREAM_BATCH_SIZE=512 millstream settings
    """
    table = Table("variable", "value", "meaning")
    now = current_settings()
    for name, field in Settings.model_fields.items():
        table.add_row(variable_name(name), shown(now, name), field.description)
    Console().print(table)
