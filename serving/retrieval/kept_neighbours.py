"""The file that pairs of items are kept in."""

from io import BytesIO
from pathlib import Path

import numpy as np

from serving.kept_file import KeptFile
from serving.retrieval.item_neighbours import ItemNeighbours

FILE_NAME = "item-neighbours.npz"
# Some 8 bytes a pair: a full index is 50 MB.
_EVERY_S = 300.0


def kept_neighbours(neighbours: ItemNeighbours, data_dir: Path) -> KeptFile:
    """The pairs of items in a file of the installation's data folder."""

    def encode() -> bytes:
        content = BytesIO()
        np.savez(content, **neighbours.state())
        return content.getvalue()

    def restore(content: bytes) -> None:
        with np.load(BytesIO(content), allow_pickle=False) as state:
            neighbours.restore(dict(state))

    return KeptFile(
        data_dir / FILE_NAME,
        "Item neighbours",
        lambda: neighbours.events,
        encode,
        restore,
        _EVERY_S,
    )
