"""The container file copies what is there, and all that a process needs."""

import re

import pytest

from millstream.settings import Settings, variable_name
from tests.contracts.deploy.conftest import DEPLOY, ROOT

PACKAGES = {
    "deploy", "feature_repo", "features", "millstream", "models", "online_trainer", "serving",
    "stream",
}  # fmt: skip


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """With continued lines joined."""
    return (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")


def copied(dockerfile: str) -> set[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def variables(dockerfile: str) -> dict[str, str]:
    lines = re.findall(r"^ENV (.+)$", dockerfile, re.MULTILINE)
    return dict(pair.split("=", 1) for line in lines for pair in line.split())


def test_every_copied_path_exists(dockerfile):
    assert [path for path in copied(dockerfile) if not (ROOT / path).exists()] == []


def test_every_package_goes_in(dockerfile):
    assert copied(dockerfile) >= PACKAGES


def test_the_builder_is_sent_what_is_copied_and_nothing_else(dockerfile):
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    assert sent == copied(dockerfile)


def test_only_locked_dependencies_are_installed(dockerfile):
    installs = re.findall(r"pip install (.+)$", dockerfile, re.MULTILINE)
    assert installs
    for arguments in installs:
        assert "--no-deps" in arguments
        assert "--require-hashes" in arguments or "--no-index" in arguments


def test_the_build_tool_is_in_the_lock():
    assert re.search(
        r"^setuptools==", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE
    )


def test_the_process_is_not_root(dockerfile):
    users = re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE)
    assert users[-1] == "millstream"


def test_the_entry_point_is_the_command_line(dockerfile):
    assert 'ENTRYPOINT ["millstream"]' in dockerfile
    assert 'millstream = "millstream.cli:main"' in (ROOT / "pyproject.toml").read_text()


def test_every_variable_of_ours_is_a_setting(dockerfile):
    ours = {name for name in variables(dockerfile) if name.startswith("MILLSTREAM_")}
    assert ours <= {variable_name(name) for name in Settings.model_fields}


def test_the_exposed_ports_are_those_the_workers_listen_on(dockerfile):
    exposed = re.search(r"^EXPOSE (.+)$", dockerfile, re.MULTILINE)
    fields = Settings.model_fields
    names = ("serving_port", "stream_metrics_port", "trainer_metrics_port")
    assert exposed and exposed[1].split() == [str(fields[name].default) for name in names]


def test_what_libraries_keep_goes_where_it_can_be_written(dockerfile):
    assert {variables(dockerfile)[name] for name in ("HOME", "MPLCONFIGDIR")} == {"/tmp"}
