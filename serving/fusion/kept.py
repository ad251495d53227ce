"""The file that a fusion is kept in."""

import json
from pathlib import Path

from serving.fusion.fusion import Fusion
from serving.kept_file import KeptFile

FILE_NAME = "fusion.json"


def kept_fusion(fusion: Fusion, data_dir: Path) -> KeptFile:
    """The state of a fusion in a file of the installation's data folder."""
    return KeptFile(
        data_dir / FILE_NAME,
        "Order of lists",
        lambda: fusion.model.questions,
        lambda: json.dumps(fusion.state()).encode(),
        lambda content: fusion.restore(json.loads(content)),
    )
