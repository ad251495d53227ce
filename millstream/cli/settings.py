"""`millstream settings`: what can be set, what it means, what it is now."""

import click
from rich.console import Console
from rich.table import Table

from millstream.settings import Settings, shown, variable_name
from millstream.settings import settings as current_settings


@click.command()
def settings() -> None:
    """Show every setting, its present value and its meaning.

    Settings come from environment variables, and from a file `.env` in the working folder. A name
    that ends with _S is a duration in seconds, one with _MS in milliseconds.

    \b
    Example:
      MILLSTREAM_BATCH_SIZE=512 millstream settings
    """
    table = Table("variable", "value", "meaning")
    now = current_settings()
    for name, field in Settings.model_fields.items():
        table.add_row(variable_name(name), shown(now, name), field.description)
    Console().print(table)
