"""`millstream plan`: what a change of the domain file would do."""

import sys
from pathlib import Path

import click

from millstream.cli.added_features import added_columns, show_reach
from millstream.cli.project_option import FOLDER, chosen, show_plan
from millstream.domain import read_domain
from millstream.domain.applied import applied_in
from millstream.domain.changes import changes

CHANGES = 3


@click.command()
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="Changes as JSON, for scripts.")
@click.option(
    "--exit-code", is_flag=True, help=f"Ends with {CHANGES} where something would change."
)
def plan(folder: Path | None, as_json: bool, exit_code: bool) -> None:
    """Show what differs from the domain that was applied last, and what each difference does.

    That is to events, stored state, examples, models, lists and Feast. Nothing is changed. DIR is
    the project's folder; without it that of MILLSTREAM_PROJECT, else the working folder. What was
    applied last is recorded in MILLSTREAM_DATA_DIR.

    \b
    Examples:
      millstream plan my-shop
      millstream plan my-shop --json --exit-code
    """
    domain = read_domain(chosen(folder))
    from millstream.settings import settings

    applied = applied_in(settings().data_dir)
    found = changes(applied.domain if applied else None, domain)
    show_plan(found, applied, as_json)
    if applied and not as_json and (columns := added_columns(found)):
        show_reach(settings(), columns)
    if exit_code and found:
        sys.exit(CHANGES)
