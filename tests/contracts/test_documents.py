"""What README.md and docs/ name is there: commands, options, variables, targets, topics, files.

The commands are run by `tests/system/test_documents.py`, and the Python of docs/features.md by
`tests/system/feast/test_feast_docs.py`.
"""

import importlib.util
import os
import re
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from millstream.cli import cli
from millstream.settings import Settings, variable_name
from millstream.topics import DAY_S, TOPICS
from millstream.variables import OTHERS
from tests.support.documents import (
    PAGES,
    ROOT,
    Command,
    blocks,
    inline_commands,
    shell_commands,
)

COMMANDS = [each for page in PAGES for each in (*shell_commands(page), *inline_commands(page))]
# Words in capitals stand for something else in the docs.
STAND_INS = {"MODEL...": "lr", "MODEL": "lr", "NAME": "lr", "COMMAND": "topics", "ARGUMENTS": ""}
# Programs that docs call beside ours: nothing of ours is in their arguments.
OTHER_PROGRAMS = {"awk", "zstd", "export", "pip", "printf", "pytest", "git", "sha256sum", "."}


def known(words: list[str]) -> None:
    """Raise what the command line says of words that it does not know."""
    command: click.Command = cli
    context, rest = click.Context(cli), [STAND_INS.get(word, word) for word in words]
    while isinstance(command, click.Group) and rest:
        name, found, rest = command.resolve_command(context, rest)
        assert name is not None and found is not None
        command = found
        context = click.Context(command, parent=context, info_name=name)
    if isinstance(command, click.Group):
        return
    # What is required may be left out in running text; what is named must exist.
    parser = command.make_parser(context)
    _, arguments, _ = parser.parse_args(rest)
    assert not arguments or any(isinstance(p, click.Argument) for p in command.params)


def check(command: Command) -> None:
    """Raise for a command of which some part is not there."""
    for words in command.parts():
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):  # variables for one command
            words = words[1:]
        program, arguments = (words[0], words[1:]) if words else ("", [])
        if program == "millstream":
            known(arguments)
        elif program == "make":
            targets = [each for each in arguments if "=" not in each]
            makefile = (ROOT / "Makefile").read_text()
            assert all(re.search(rf"^{each}:", makefile, re.MULTILINE) for each in targets)
        elif program == "feast":
            assert arguments == ["apply"]
        elif program == "cd":
            assert (ROOT / arguments[0]).is_dir()
        elif program == "python":
            check_python(arguments)
        elif program == "docker":
            check_compose(arguments)
        elif program == "curl":
            assert "/v1/" in command.text or "/metrics" in command.text
        else:
            assert program in OTHER_PROGRAMS, program


def check_python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        if arguments[1] == "millstream.cli":
            known(arguments[2:])
        else:
            assert importlib.util.find_spec(arguments[1]) is not None
    elif arguments[0] == "-c":
        compile(arguments[1], "-c", "exec")
    else:
        assert (ROOT / arguments[0]).is_file()


def check_compose(arguments: list[str]) -> None:
    assert arguments[0] == "compose"
    words = arguments[1:]
    if "-f" in words:
        place = words.index("-f")
        assert (ROOT / words[place + 1]).is_file()
        words = words[:place] + words[place + 2 :]
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    if words[0] in ("stop", "restart", "logs"):
        assert words[-1] in services
    if words[0] == "run":
        named = next(each for each in words[1:] if each in services)
        after = words[words.index(named) + 1 :]
        if "--entrypoint" not in words:
            known(after)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: f"{c.page}:{c.line}")
def test_a_command_names_only_what_is_there(command):
    check(command)


@pytest.mark.parametrize(
    "text",
    [
        "millstream topics make",
        "millstream publish x --fast",
        "make everything",
        "cd nowhere",
        "python -m deploy.moon",
        "docker compose -f deploy/compose.yaml run --rm trainer snapshots undo 4",
        "docker compose -f deploy/nothing.yaml up",
        "rm -rf data",
    ],
)
def test_a_command_that_names_what_is_not_there_is_found_out(text):
    with pytest.raises((AssertionError, click.UsageError, ModuleNotFoundError)):
        check(Command("", 0, text))


def test_commands_are_found():
    assert len(COMMANDS) > 40
    texts = {each.text for each in COMMANDS}
    assert "millstream models dcn_v2" in texts
    assert any(text.startswith("curl") and '"kind": "like"' in text for text in texts)


def options() -> set[str]:
    """Every option of every command."""

    def of(command: click.Command) -> set[str]:
        named = [(*param.opts, *param.secondary_opts) for param in command.params]
        found = {name for names in named for name in names}
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                found |= of(inner)
        return found

    return of(cli)


# Options of other programs, by the page that names them.
FOREIGN = {"--build", "--detach", "--scale", "--volumes", "--rm", "--entrypoint", "--tail"}
BENCH = {
    "--kills",
    "--workers",
    "--repeats",
    "--rounds",
    "--rival",
    "--rows",
    "--batch",
    "--rank",
    "--events",
    "--seconds",
} | {
    "--change",
    "--ratings",
    "--delay",
    "--wait",
    "--kill",
    "--items",
    "--rates",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_a_page_names_exists(page):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", page.read_text()))
    assert named - options() - FOREIGN - BENCH == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_that_a_page_names_is_one(page):
    known_ones = {variable_name(name) for name in Settings.model_fields} | OTHERS
    named = set(re.findall(r"\bMILLSTREAM_[A-Z][A-Z_]*[A-Z]\b", page.read_text()))
    assert {n for n in named if n.removesuffix("_FILE") not in known_ones} - known_ones == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_the_repository_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page):
    tops = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
    for name in re.findall(rf"`((?:{tops})/[\w/.-]+\.(?:py|md|yml|yaml))`", page.read_text()):
        assert (ROOT / name).exists(), name


def kept(topic) -> str:
    if topic.cleanup == "compact":
        return "compacted"
    if topic.retention_s is None:
        return "for ever"
    days = topic.retention_s // DAY_S
    return f"{days} day" if days == 1 else f"{days} days"


def test_the_table_of_topics_is_that_of_the_code():
    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    names = {topic.name for topic in TOPICS}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:3] == "| `"]
    found = [(r[0].strip("`"), r[1], r[-1]) for r in rows if r[0].strip("`") in names]
    assert found == [(topic.name, str(topic.partitions), kept(topic)) for topic in TOPICS]


def test_every_block_of_toml_can_be_read_and_of_python_compiles():
    for page in PAGES:
        for block in blocks(page):
            if block.language == "toml":
                tomllib.loads(block.text)
            if block.language == "python":
                compile(block.text, f"{page.name}:{block.line}", "exec")


def test_pages_are_looked_at_from_the_repository():
    assert {path.name for path in PAGES} >= {"README.md", "operations.md", "features.md"}
    assert Path(os.path.commonpath(PAGES)) == ROOT
