"""Train/serve skew, every now and then: shown items with their logged features, against the offline
store that the stream writes.

A list is settled when the stream has written what came before it. Only the newest part files are
read: an entity without a row there is not compared.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from features.feature import View
from features.skew import Compared, compare
from features.spec import VIEWS
from features.stores.parts import parts_in
from features.stores.schema import view_schema

log = logging.getLogger(__name__)

_MOST_BYTES = 64 << 20  # of the part files of a view
_ROWS_OF_A_MESSAGE = 20


class SkewCheck:
    """Gathers shown items, and compares them in a thread of its own.

    Args:
        folder: the offline store.
        every_s: seconds between two comparisons.
        rows: most shown items of one.
        settled_s: age of a list from which on it is compared, seconds.
        executor: compares; a thread unless given.
    """

    def __init__(
        self,
        folder: Path,
        every_s: float,
        rows: int = 500,
        settled_s: float = 120.0,
        executor: Executor | None = None,
    ) -> None:
        self._folder, self._every_s = folder, every_s
        self._most, self._settled_s = rows, settled_s
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="skew")
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self._begun_at: float | None = None
        self._comparing: Future[dict[str, Compared]] | None = None

    def note(self, shown: pa.Table | None) -> None:
        """Keep some shown items of a message, until there are enough."""
        if shown is None or not len(shown) or self._rows >= self._most:
            return
        some = shown.slice(0, min(_ROWS_OF_A_MESSAGE, self._most - self._rows))
        self._waiting.append(some)
        self._rows += len(some)

    def tick(self, now_s: float) -> Mapping[str, Compared]:
        """Begin what is due; what came of the comparison that is done, by feature, or nothing."""
        if self._begun_at is None:
            self._begun_at = now_s
        found = self._collect()
        if self._comparing is None and now_s - self._begun_at >= self._every_s and self._waiting:
            self._begin(now_s)
        return found

    def close(self) -> None:
        """End the thread, once what it is doing is done."""
        self._executor.shutdown()

    def _begin(self, now_s: float) -> None:
        shown = pa.concat_tables(self._waiting, promote_options="default")
        is_settled = pc.less_equal(shown["event_time"], now_s - self._settled_s)
        settled, rest = shown.filter(is_settled), shown.filter(pc.invert(is_settled))
        self._waiting, self._rows = [rest] if len(rest) else [], len(rest)
        if len(settled):
            self._begun_at = now_s
            self._comparing = self._executor.submit(self._compared, settled)

    def _collect(self) -> Mapping[str, Compared]:
        if self._comparing is None or not self._comparing.done():
            return {}
        comparing, self._comparing = self._comparing, None
        try:
            return comparing.result()
        except (OSError, pa.ArrowException) as error:  # files come and go; the next one looks again
            log.warning("Logged features were not compared: %s", error)
            return {}

    def _compared(self, shown: pa.Table) -> dict[str, Compared]:
        """In the other thread."""
        history = {}
        for view in VIEWS:
            rows = read_newest(self._folder, view, shown[view.key].unique())
            if rows is not None:
                history[view] = rows
        return compare(shown, history)


def read_newest(folder: Path, view: View, ids: pa.Array) -> pa.Table | None:
    """Rows of some entities in the newest part files of a view; None where there is no file."""
    own = folder / view.name
    if not own.is_dir():
        return None
    paths = [own / part.name for part in parts_in(own)]
    sized = sorted(((path.stat(), path) for path in paths), key=lambda each: -each[0].st_mtime)
    wanted: list[str] = []
    size = 0
    for stat, path in sized:
        if wanted and size + stat.st_size > _MOST_BYTES:
            break
        wanted.append(str(path))
        size += stat.st_size
    if not wanted:
        return None
    rows = ds.dataset(wanted, schema=view_schema(view), format="parquet")
    return rows.to_table(filter=ds.field(view.key).isin(ids.cast(pa.string())))
