"""`millstream init`, `check`, `plan`: what they write, say, and end with."""

import json
import os
import sys

import pytest
from click.testing import CliRunner

from millstream import cli
from millstream.domain import current
from millstream.domain.applied import record
from millstream.domain.current import TEMPLATES, VARIABLE
from millstream.domain.schema import SCHEMA
from millstream.errors import ConfigurationError
from millstream.settings import settings


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MILLSTREAM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv(VARIABLE, os.environ.get(VARIABLE, ""))  # `plan` says which
    monkeypatch.setattr(current, "_base", None)  # Feast's files may have set it in this process
    settings.cache_clear()

    def run(*arguments):
        return CliRunner().invoke(cli.cli, arguments)

    yield run
    settings.cache_clear()


@pytest.mark.parametrize("name", ["blank", "films", "news", "shop"])
def test_a_project_from_each_template_has_no_fault(run, tmp_path, name):
    made = run("init", "here", "--template", name)
    assert made.exit_code == 0, made.output
    assert (tmp_path / "here" / "domain.schema.json").read_text() == SCHEMA.read_text()
    first = (tmp_path / "here" / "domain.toml").read_text().splitlines()[0]
    assert first == "#:schema domain.schema.json"
    checked = run("check", "here")
    assert checked.exit_code == 0
    assert checked.output.startswith(f"{name} has no fault: ")


def test_a_domain_file_is_never_overwritten(run, tmp_path):
    (tmp_path / "domain.toml").write_text("mine")
    failed = run("init", ".")
    assert isinstance(failed.exception, ConfigurationError)
    assert "must have no domain.toml yet" in str(failed.exception)
    assert (tmp_path / "domain.toml").read_text() == "mine"


OWN = """
[user.features.best]
family = "own"
object = "own_features_of_a_test:Best"
options = { kinds = ["purchase"] }
"""
BEST = """
from dataclasses import dataclass
from features.families import OwnNumbers

@dataclass(frozen=True)
class Best(OwnNumbers):
    kinds: tuple[str, ...] = ()
    def after(self, before, ages_s, events):
        return before

number = 3
"""


def test_check_makes_the_features_of_the_projects_own_python(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    run("init", ".", "--template", "shop")
    (tmp_path / "own_features_of_a_test.py").write_text(BEST)
    file = tmp_path / "domain.toml"
    whole = file.read_text()
    for text, told in (
        (OWN, None),
        (OWN.replace("kinds", "kind"), "must be those of own_features_of_a_test:Best. Received:"),
        (OWN.replace("Best", "number"), "must be a class that derives from"),
        (OWN.replace("Best", "Bst"), "a module without 'Bst'"),
    ):
        file.write_text(whole + text)
        checked = run("check")
        assert checked.exit_code == (0 if told is None else 1), checked.output
        assert told is None or "`user.features.best`: " in checked.output
        assert told is None or told in checked.output


def test_check_shows_every_fault_and_ends_with_1(run, tmp_path):
    run("init", ".", "--template", "shop")
    file = tmp_path / "domain.toml"
    file.write_text(file.read_text().replace("weight", "wieght"))
    plain = run("check")
    assert plain.exit_code == 1
    assert "has 4 faults:" in plain.output
    assert plain.output.count("did you mean `weight`?") == 4
    as_json = run("check", "--json")
    assert as_json.exit_code == 1
    assert len(json.loads(as_json.output)["faults"]) == 4


def test_check_imports_the_python_that_the_file_names(run, tmp_path):
    run("init", ".", "--template", "blank")
    file = tmp_path / "domain.toml"
    home = '[placements.home]\nrules = ["lost_rules:one"]\nsources = { "lost_sources:One" = 1.0 }\n'
    file.write_text(f"{file.read_text()}\n{home}")
    found = run("check")
    assert found.exit_code == 1
    assert "`placements.home.rules`: 'lost_rules:one' must be an object of a module" in found.output
    assert "`placements.home.sources`: 'lost_sources:One' must be an object" in found.output


def test_plan_compares_with_what_was_applied_last(run, tmp_path):
    run("init", "here", "--template", "films")
    new = run("plan", "here", "--exit-code")
    assert new.exit_code == 3
    assert new.output.startswith("Nothing was applied here yet")
    record(tmp_path / "data", TEMPLATES / "films", 1e9)
    same = run("plan", "here", "--exit-code")
    assert same.exit_code == 0
    assert same.output == (
        "Compared with films, applied 2001-09-09 01:46:40 UTC:\nNothing changes.\n"
    )
    with (tmp_path / "here" / "domain.toml").open("a") as file:
        file.write("\n[kinds.share]\nlabel = 1\n")
    changed = run("plan", "here", "--exit-code")
    assert changed.exit_code == 3
    assert "+ kinds.share: label 1\n    events: of kind `share` are accepted" in changed.output
    assert changed.output.endswith("1 change.\n")
    (change,) = json.loads(run("plan", "here", "--json").output)["changes"]
    assert (change["path"], change["action"]) == ("kinds.share", "added")
