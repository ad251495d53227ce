"""Files of interactions: a line each, in time order or with their time."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from millstream.errors import DatasetError
from models.evaluation.lists.protocols import Interactions, Protocol, leave_one_out
from models.evaluation.lists.ragged import Ragged


class SequenceLog(NamedTuple):
    """A log in parts, with the times of its entries.

    Args:
        name, digest: of the file.
        protocol: leave one out.
        times: (users) whole lists of seconds, of which each history has as many as it is long;
            None where the file has none.
    """

    name: str
    digest: str
    protocol: Protocol
    times: Ragged | None

    @property
    def items(self) -> int:
        """Items of the corpus."""
        return self.protocol.test.items


def read_log(
    path: Path, columns: Sequence[str] = ("user", "item"), separator: str | None = None
) -> SequenceLog:
    """Read a file and leave the last two entries of each user out.

    Args:
        path: text, a line an interaction.
        columns: what the columns are: `user`, `item` and perhaps `time` in seconds; any other name
            is passed over. Without times the lines are in time order.
        separator: between columns; None is any white space.

    Raises:
        DatasetError: the file cannot be read so.
    """
    if not {"user", "item"} <= set(columns):
        raise DatasetError(f"`columns` must name user and item. Received: {list(columns)}.")
    rows = []
    content = path.read_bytes()
    for number, line in enumerate(content.decode("latin-1").splitlines(), 1):
        cells = line.split(separator)
        if len(cells) < len(columns):
            raise DatasetError(
                f"{path}, line {number} must have {len(columns)} columns. Received: {line!r}."
            )
        rows.append(cells)
    if not rows:
        raise DatasetError(f"{path} must hold interactions. Received: none.")
    found = {name: [row[place] for row in rows] for place, name in enumerate(columns)}
    users, user = np.unique(np.array(found["user"]), return_inverse=True)
    items, item = np.unique(np.array(found["item"]), return_inverse=True)
    times = np.array(found["time"], np.float64) if "time" in found else None
    log = Interactions(user, item, times, len(users), len(items))
    digest = sha256(content).hexdigest()[:16]
    return SequenceLog(path.name, digest, leave_one_out(log), _times_by_user(log))


def _times_by_user(log: Interactions) -> Ragged | None:
    if log.times_s is None:
        return None
    order = np.argsort(log.times_s, kind="stable")
    return Ragged.of(log.users[order], log.times_s[order], log.user_count)
