"""The command line: help, tables, and errors of one line."""

import re
import sys

import click
import pytest
from click.testing import CliRunner

from millstream import cli
from millstream.errors import DatasetError
from millstream.settings import settings
from millstream.snapshots import Manifest, SnapshotWriter
from millstream.topics import TOPICS


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("MILLSTREAM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    settings.cache_clear()

    def run(*arguments):
        return CliRunner().invoke(cli.cli, arguments)

    yield run
    settings.cache_clear()


def test_help_lists_every_command(run):
    output = run("--help").output
    assert all(name in output for name in cli.COMMANDS)


def commands(command: click.Command = cli.cli, path: tuple[str, ...] = ()):
    """Every command of the command line, with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(run, path):
    result = run(*path, "--help")
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output
    # Snapshots' commands come with the trainer's control of them.
    if path[:1] != ("snapshots",):
        assert "Example" in result.output and f"millstream {' '.join(path)}" in result.output


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_has_a_help_text_that_is_a_phrase(path):
    for option in COMMANDS[path].params:
        if isinstance(option, click.Option) and option.name != "help":
            assert option.help, option.name
            assert re.match(r"[A-Z]|[a-z0-9-]+[:+]", option.help), option.help
            assert not re.match(r"(Of|Else|At|From|In|As)\b", option.help), option.help
            assert option.help.rstrip().endswith((".", "]")), option.help


def test_the_topics_are_listed_with_the_prefix(run, monkeypatch):
    monkeypatch.setenv("MILLSTREAM_TOPIC_PREFIX", "shop.")
    settings.cache_clear()
    output = run("topics", "list").output
    assert all(f"shop.{topic.name}" in output for topic in TOPICS)


def test_settings_show_the_present_value(run, monkeypatch):
    monkeypatch.setenv("MILLSTREAM_BATCH_SIZE", "321")
    settings.cache_clear()
    assert "321" in run("settings").output


def test_snapshots_are_listed_newest_first_with_the_one_that_is_served(run, tmp_path):
    writer = SnapshotWriter(tmp_path / "snapshots")
    for version in (1, 2):
        writer.write(
            Manifest(version=version, kind="full", created_at=0.0, metrics={"auc": 0.75}), {}
        )
    writer.point_latest(2)
    output = run("snapshots", "list").output
    assert output.index("│ 2 ") < output.index("│ 1 ")
    assert "auc 0.7500" in output
    assert run("snapshots", "verify", "2").output == "2 is sound (reads 2).\n"


def test_our_own_errors_are_one_line_and_no_traceback(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MILLSTREAM_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["millstream", "snapshots", "verify", "7"])
    settings.cache_clear()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("millstream: No readable manifest")
    assert "Traceback" not in error


def test_publishing_a_file_that_is_not_there_says_so(run):
    result = run("publish", "nowhere.jsonl")
    assert isinstance(result.exception, DatasetError)
    assert str(result.exception) == (
        "Expected a file of events. Received: nowhere.jsonl: No such file or directory."
    )
