"""No name of a domain is in the package: what it knows is in the project's file."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "millstream",
    "features",
    "models",
    "stream",
    "online_trainer",
    "serving",
    "simulation",
    "feature_repo",
)
# Readers of a dataset, which states the words of its template.
READERS = (
    "millstream/datasets/ml_100k.py",
    "millstream/datasets/ml_100k_sources.py",
    "models/evaluation/ml_100k.py",
)
# An older layout of the stored state, whose names are the data's.
OLD = ("stream/state/earlier_layout.py",)


def names() -> set[str]:
    """Columns of features and attributes of every template, and attributes that are no fields."""
    found: set[str] = set()
    for file in ROOT.glob("examples/*/domain.toml"):
        stated = tomllib.loads(file.read_text())
        for entity in ("user", "item"):
            for part in ("attributes", "features"):
                found |= {f"{entity}_{name}" for name in stated[entity].get(part, {})}
    return found


def literals(file: Path) -> set[str]:
    """Texts of a module that are values, not documentation."""
    return {
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_names_a_feature_of_a_template(folder):
    known = names()
    assert len(known) > 50
    files = sorted((ROOT / folder).rglob("*.py"))
    wrong = {
        name: found
        for file in files
        if (name := str(file.relative_to(ROOT))) not in READERS + OLD
        and (found := sorted(literals(file) & known))
    }
    assert wrong == {}
