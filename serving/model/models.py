"""The model that is served, the one before it, and the swap."""

import asyncio
import logging
import time
from collections import deque
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import numpy as np

from millstream.clock import Clock
from millstream.errors import MillstreamError
from serving.catalogue.catalogue import Catalogue
from serving.metrics import Metrics
from serving.model.loader import Loader
from serving.model.served import ServedModel
from serving.retrieval.item_index import ItemIndex

# A probe comes in every snapshot until one of them is published: count it once.
_PROBES_REMEMBERED = 10_000
# Items that change while a model loads get their vectors in its thread, but for the last of them.
_AT_ONCE = 200

_log = logging.getLogger(__name__)


class Models:
    """Holds the current model; a request takes it once and keeps it to its end.

    Args:
        loader: makes a model of a version, in a thread of its own.
        catalogue: whose items must all be in the index when a model goes into service.
        executor: loads them; a thread of its own unless given.
    """

    def __init__(
        self,
        loader: Loader,
        catalogue: Catalogue,
        metrics: Metrics,
        clock: Clock,
        executor: Executor | None = None,
    ) -> None:
        self.current: ServedModel | None = None
        self.previous: ServedModel | None = None
        self.served = asyncio.Event()  # that there is a model
        self._left_at = 0  # revision of the catalogue when the model before this one left service
        self.why_not = ""  # the newest version that was asked for is not served; empty if it is
        self._loader = loader
        self._catalogue = catalogue
        self._metrics = metrics
        self._clock = clock
        self._probed: deque[str] = deque(maxlen=_PROBES_REMEMBERED)
        self._thread = executor or ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        metrics.snapshot_version.set_function(lambda: self.current.version if self.current else 0)
        metrics.snapshot_examples.set_function(
            lambda: self.current.manifest.examples if self.current else 0
        )
        metrics.snapshot_age.set_function(lambda: self._age("created_at"))
        metrics.trained_through_age.set_function(lambda: self._age("trained_through_event_time"))
        metrics.index_items.set_function(self._index_items)
        metrics.retriever_version.set_function(self._retriever_version)

    async def serve(self, version: int, *, forced: bool = False, exact: bool = False) -> bool:
        """Load `version` and swap it in; False where it cannot be served (it is logged).

        Whatever fails, what is served now goes on.

        Args:
            version: of the snapshot.
            forced: whether it may be one that the gate held.
            exact: whether its retriever must be of that version itself, too.
        """
        self.why_not = ""
        if _is(self.current, version, exact):
            return True
        begun, model = time.perf_counter(), None
        try:
            model = await self._loaded(version, forced, exact)
        except MillstreamError as error:
            self.why_not = str(error)
            _log.warning("Snapshot %s is not served: %s", version, error)
        except Exception as error:  # whatever it was, what is served now goes on
            self.why_not = f"{type(error).__name__}: {error}"
            _log.exception("Snapshot %s is not served.", version)
        if model is None:
            self._metrics.swaps.labels("failed").inc()
            return False
        self._swap(model)
        self._metrics.swap_seconds.observe(time.perf_counter() - begun)
        return True

    def add_items(self, rows: np.ndarray) -> bool:
        """Give `rows` their vectors in the current index; False where there is none."""
        if self.current is None or self.current.retriever is None:
            return False
        self._add(self.current, rows)
        return True

    @property
    def erased_through(self) -> float:
        """Up to when erasures of people are done in what is served; 0 where nothing is."""
        return self.current.erased_through if self.current else 0.0

    def index(self) -> ItemIndex | None:
        """The index that is searched now; None where there is none."""
        retriever = self.current.retriever if self.current else None
        return retriever.index if retriever else None

    def drop_items(self, rows: np.ndarray) -> None:
        """Take `rows` out of the current index."""
        if (index := self.index()) is not None:
            index.drop(rows)

    def close(self) -> None:
        """End the thread, once what it is doing is done."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _loaded(self, version: int, forced: bool, exact: bool) -> ServedModel:
        """The model, with a vector for every item that there is by now."""
        revision, loop = self._catalogue.revision, asyncio.get_running_loop()
        if (previous := self.previous) is not None and _is(previous, version, exact):
            model, revision = previous, self._left_at  # the way back reads nothing
        else:
            load = partial(self._loader.load, version, self.current, forced=forced, exact=exact)
            model = await loop.run_in_executor(self._thread, load)
        while len(rows := self._catalogue.changed_since(revision)) > _AT_ONCE:
            revision = self._catalogue.revision
            await loop.run_in_executor(self._thread, self._add, model, rows)
        self._add(model, rows)
        return model

    def _add(self, model: ServedModel, rows: np.ndarray) -> None:
        if model.retriever is not None:
            model.retriever.add(self._catalogue, rows, self._clock.now())

    def _swap(self, model: ServedModel) -> None:
        older = self.current is not None and model.version < self.current.version
        self.previous, self.current = self.current, model
        self._left_at = self._catalogue.revision
        self.served.set()
        self._metrics.swaps.labels("rolled_back" if older else "served").inc()
        _log.info("Serving snapshot %s", model.version)
        for event_id, event_time in model.probes.items():
            if event_id not in self._probed:
                self._probed.append(event_id)
                self._metrics.event_to_weights.observe(max(self._clock.now() - event_time, 0.0))

    def _age(self, name: str) -> float:
        moment = getattr(self.current.manifest, name) if self.current else 0.0
        return self._clock.now() - moment if moment else float("nan")

    def _retriever_version(self) -> int:
        retriever = self.current.retriever if self.current else None
        return retriever.manifest.version if retriever else 0

    def _index_items(self) -> int:
        index = self.index()
        return 0 if index is None else len(index)


def _is(model: ServedModel | None, version: int, exact: bool) -> bool:
    """True if `model` is of `version`; its retriever, too, where that must be `exact`."""
    if model is None or model.version != version:
        return False
    retriever = model.retriever
    return not exact or retriever is None or retriever.manifest.version == version
