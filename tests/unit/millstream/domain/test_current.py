"""Where the project is looked for."""

import pytest

from millstream.domain.current import TEMPLATES, VARIABLE, project_folder
from millstream.settings import Settings, variable_name


@pytest.fixture(autouse=True)
def no_project(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_without_any_it_is_the_template_films(tmp_path):
    assert project_folder(tmp_path) == TEMPLATES / "films"


def test_a_folder_with_a_domain_file_is_a_project(tmp_path):
    (tmp_path / "domain.toml").touch()
    assert project_folder(tmp_path) == tmp_path


def test_the_variable_wins_over_the_env_file_and_that_over_the_folder(tmp_path, monkeypatch):
    (tmp_path / "domain.toml").touch()
    (tmp_path / ".env").write_text("MILLSTREAM_PROJECT=shop\n")
    assert project_folder(tmp_path) == tmp_path / "shop"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "news"))
    assert project_folder(tmp_path) == tmp_path / "news"


def test_the_variable_is_that_of_the_setting():
    assert variable_name("project") == VARIABLE
    assert "project" in Settings.model_fields
