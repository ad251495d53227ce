"""`python -m deploy.grafana`: write `dashboards/overview.json`."""

import json
from pathlib import Path

from deploy.grafana.overview import overview

TARGET = Path(__file__).with_name("dashboards") / "overview.json"


def rendered() -> str:
    """The file's content."""
    return json.dumps(overview(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(rendered())
