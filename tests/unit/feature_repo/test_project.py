import pytest

from feature_repo.project import check_project
from millstream.errors import ConfigurationError


def test_feast_and_the_workers_must_mean_the_same_project(monkeypatch, tmp_path):
    store = tmp_path / "feature_store.yaml"
    store.write_text("project: shop\nprovider: local\n")
    monkeypatch.setenv("MILLSTREAM_FEAST_PROJECT", "shop")
    check_project(store)
    monkeypatch.setenv("MILLSTREAM_FEAST_PROJECT", "other")
    with pytest.raises(
        ConfigurationError, match="'other' and 'shop'. Write `project: other` there"
    ):
        check_project(store)
    store.write_text("project: ${MILLSTREAM_FEAST_PROJECT}\n")
    check_project(store)
