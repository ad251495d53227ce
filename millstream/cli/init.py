"""`millstream init`: a project folder to begin with."""

from pathlib import Path

import click

from millstream.domain.templates import template_names, write_project


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--template",
    type=click.Choice(template_names()),
    default="blank",
    show_default=True,
    help="Domain to begin with.",
)
def init(folder: Path, template: str) -> None:
    """Write a project folder: a domain file to edit, its schema for your editor, a README.

    The domain file says what people do, what is known of them and of items, and which features are
    kept. A folder that has one already is left as it is, and the command ends with 1.

    \b
    Examples:
      millstream init my-shop --template shop
      millstream init . --template blank
    """
    for file in write_project(folder, template):
        click.echo(f"wrote {file}")
    click.echo(f"Edit {folder / 'domain.toml'}, then: millstream check {folder}")
