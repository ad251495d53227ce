"""The code in docs/features.md, as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from features.spec import USER_STATS, VIEWS, features_of
from features.stores.offline import OfflineAppender
from tests.support.feature_rows import feature_rows

PAGE = Path(__file__).parents[3] / "docs" / "features.md"
THEN = 1_772_000_000.0  # before the questions on the page


@pytest.mark.filterwarnings("ignore:fetch_arrow_table.* is deprecated:DeprecationWarning:ibis")
def test_the_code_on_the_page_runs_and_both_joins_agree(
    applied, feast_store, online, offline_folder, monkeypatch
):
    appender = OfflineAppender(offline_folder)
    for offset, view in enumerate(VIEWS):
        rows = feature_rows(view, ["1", "50"], [THEN, THEN])
        online.write(view, rows)
        appender.append(view, offset, rows)
    appender.flush()
    monkeypatch.chdir(applied.path.parent)
    for name, value in applied.environment.items():
        monkeypatch.setenv(name, value)

    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 5
    found: dict[str, Any] = {}
    for block in blocks:
        exec(block, found)

    for feature in features_of(USER_STATS):
        if not feature.is_list:
            expected = found["rows"][feature.name].tolist()
            assert found["table"][feature.name].to_pylist() == expected
    assert set(found["users"]) == {f.name for f in found["of_users"]}
