"""`millstream doctor`: what is wrong with this installation, on one page."""

import json
import sys
from collections.abc import Iterator

import click

from millstream.doctor import Finding, Level, examine, fail, worst
from millstream.errors import ConfigurationError
from millstream.settings import settings

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON, for scripts.")
@click.option("--quiet", "-q", is_flag=True, help="Show only findings that are not OK.")
def doctor(as_json: bool, quiet: bool) -> None:
    """Examine settings, Kafka, Redis, stream, trainer, snapshots, disk and serving.

    One line per finding: OK, WARN or FAIL, with what to do. Nothing is changed. The exit code is
    that of the worst finding: 0 for OK, 1 for WARN, 2 for FAIL.

    \b
    Examples:
      millstream doctor
      millstream doctor --quiet || notify-the-team
    """
    findings = []
    for finding in _found():
        findings.append(finding)
        if not as_json and not (quiet and finding.level is Level.OK):
            _print(finding)
    if as_json:
        told = [
            {"level": f.level.name, "part": f.part, "text": f.text, "remedy": f.remedy}
            for f in findings
        ]
        click.echo(json.dumps({"level": worst(findings).name, "findings": told}, indent=1))
    sys.exit(int(worst(findings)))


def _found() -> Iterator[Finding]:
    try:
        chosen = settings()
    except ConfigurationError as error:
        yield fail("Settings", str(error), "Correct the variable")
        return
    yield from examine(chosen)


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level.name:<5}", fg=_COLOURS[finding.level], bold=True)
    click.echo(f"{level}{finding.part + ':':<11}{finding.text}")
    if finding.remedy:
        click.echo(f"{'':<16}-> {finding.remedy}.")
