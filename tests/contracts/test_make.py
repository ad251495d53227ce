"""The two commands of the README, and the help that lists the others."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOBS = ("setup", "check", "test", "demo", "bench", "clean")


def make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", "-C", ROOT, *arguments], capture_output=True, text=True)


def test_help_lists_every_job_and_is_what_make_alone_prints():
    listed = make("help").stdout
    assert set(JOBS) <= set(re.findall(r"^  make (\w+) ", listed, re.M))
    assert make().stdout == listed


@pytest.mark.parametrize(("keep", "option"), [("KEEP=1", " --keep"), ("KEEP=0", ""), ("KEEP=", "")])
def test_keep_leaves_the_demo_running(keep, option):
    last = make("-n", "demo", keep).stdout.strip().splitlines()[-2:]
    assert any(line.rstrip().endswith(f"millstream demo{option}") for line in last)


def test_what_one_part_of_the_tests_leaves_out_the_other_part_runs():
    listed = make("-n", "test", "PYTEST=-x").stdout
    shared, alone = [line for line in listed.splitlines() if "-m pytest" in line]
    assert re.search(r"pytest -n 2 .*--ignore tests/system -x", shared)
    assert re.search(r"pytest .*tests/system -x", alone)


def test_an_old_python_is_refused_with_its_version(tmp_path):
    """Asked of a copy, where there is no environment yet."""
    for name in ("Makefile", "pyproject.toml", "requirements/lock.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 10); $2"\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "Millstream needs Python 3.11 or newer. Received:" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_ci_runs_the_checks_and_the_tests():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert {"make check", "make test"} <= set(script.read_text().splitlines())
