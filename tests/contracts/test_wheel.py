"""The wheel holds everything that the packages need, and its command runs from another folder."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("millstream", "features", "models", "stream", "online_trainer", "serving", "feature_repo"),
    "deploy",
)
TEMPLATES = "examples"
DATA = {".html", ".js", ".css", ".lua", ".typed"}
TEMPLATE_FILES = {".toml", ".json", ".md"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no earlier build's leavings get in; needs no package index."""
    source = tmp_path_factory.mktemp("source")
    for name in (*PACKAGES, TEMPLATES):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", out, source], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_it_holds_every_module_and_every_page(wheel):
    expected = {
        str(path.relative_to(ROOT))
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.suffix in {".py", *DATA} and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as file:
        assert expected <= set(file.namelist())


def test_every_package_says_that_it_is_typed(wheel):
    with zipfile.ZipFile(wheel) as file:
        assert {f"{name}/py.typed" for name in PACKAGES} <= set(file.namelist())


def test_it_holds_nothing_but_the_packages(wheel):
    with zipfile.ZipFile(wheel) as file:
        tops = {name.split("/")[0] for name in file.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*PACKAGES, TEMPLATES}


def test_it_holds_the_templates_of_project_folders(wheel):
    expected = {
        str(path.relative_to(ROOT))
        for path in (ROOT / TEMPLATES).rglob("*")
        if path.suffix in TEMPLATE_FILES
    }
    assert len(expected) >= 9
    with zipfile.ZipFile(wheel) as file:
        assert expected <= set(file.namelist())


def test_its_command_runs_from_another_folder(wheel, tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--no-index", "--target", tmp_path, wheel], check=True)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import millstream.cli as cli;"
        f"assert cli.__file__.startswith({str(tmp_path)!r}); sys.argv = ['millstream', '--help'];"
        "cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "recommendations that learn" in done.stdout
