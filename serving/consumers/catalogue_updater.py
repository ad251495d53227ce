"""The catalogue from Kafka: upserts from topic `items`, counters from topic `features`."""

import asyncio
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from aiokafka import ConsumerRecord

from features.dedup import SeenIds, fingerprint
from features.spec import RECENT, USER_STATS, VIEWS
from features.topic_events import STRICT, Door, event_of
from features.upserts import UpsertVersion
from features.validation import PROBE_PREFIX
from millstream.batches import decode_table, metadata_of
from millstream.clock import Clock
from millstream.events import ItemUpsert
from millstream.topics import FEATURES, ITEMS
from serving.catalogue.catalogue import Catalogue
from serving.consumers.messages import message_of
from serving.limited_log import LimitedLog
from serving.metrics import Metrics
from serving.model.models import Models

# Probe items share one place in the catalogue, where nobody is shown them: probing must not make it
# grow.
PROBE_ITEM = "__probe__"
_ITEM_VIEWS = frozenset(view.name for view in VIEWS if view.entity == "item")
# How often it is looked which items have become available, or are no more, seconds.
LOOKS_EVERY_S = 1.0
# For the ids of upserts that came lately; a bulk import shortens the window.
_REMEMBERED_BYTES = 16 << 20
# Of a message with feature rows: some milliseconds, for which requests wait.
_ROWS_AT_ONCE = 64


class CatalogueUpdater:
    """Handlers that bring the catalogue and the item index up to date.

    The rules are the stream's (`features.upserts`): the newest upsert or deletion of an item holds,
    an event that comes again has no effect, one from the future is refused. A record that cannot
    be read or applied costs itself, and is counted.

    Args:
        dedupe_window_s: how long the id of an upsert is remembered at the least, seconds.
        door: what is let in.
        keeps_people: whether what people met last is kept, for neighbours.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        models: Models,
        metrics: Metrics,
        clock: Clock,
        dedupe_window_s: float = 3_600.0,
        door: Door = STRICT,
        *,
        keeps_people: bool = True,
    ) -> None:
        self._catalogue = catalogue
        self._models = models
        self._metrics = metrics
        self._clock = clock
        self._seen = SeenIds(dedupe_window_s, _REMEMBERED_BYTES)
        self._door, self._keeps_people = door, keeps_people
        self._began_s = clock.now()
        self._log = LimitedLog(logging.getLogger(__name__), clock)
        metrics.items.set_function(lambda: catalogue.items)
        metrics.items_unavailable.set_function(lambda: catalogue.unavailable)
        metrics.items_without_vector.set_function(self._without_vector)

    def items(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of topic `items`: an item can be retrieved when this returns."""
        self._catalogue.pass_time(self._clock.now())
        upserts = []
        for upsert, is_deletion in self._upserts(records):
            if is_deletion:
                self._delete(upsert)
            else:
                upserts.append(upsert)
        self._take([upsert for upsert in upserts if not upsert.is_probe])
        for probe in upserts:
            if probe.is_probe:
                self._probe(probe)

    def pass_time(self) -> None:
        """Let items that have become available into the index, and take out those that are not."""
        self._index(self._catalogue.crossed(self._clock.now()))

    async def keep_time(self) -> None:
        """Do so until cancelled."""
        while True:
            self.pass_time()
            await asyncio.sleep(LOOKS_EVERY_S)

    def features(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of topic `features`: rows of the items' views, and what people met last."""
        for _ in self.features_in_steps(records, sys.maxsize):
            pass

    def features_in_steps(
        self, records: Sequence[ConsumerRecord], most_rows: int = _ROWS_AT_ONCE
    ) -> Iterator[None]:
        """The same, at most so many rows of a message at once."""
        for record in records:
            try:
                table = decode_table(record.value)
                view = metadata_of(table).get("view")
                for start in range(0, len(table), most_rows):
                    part = table.slice(start, most_rows)
                    if view in _ITEM_VIEWS:
                        self.put(part)
                    elif view == USER_STATS.name and self._keeps_people:
                        self._keep(part)
                    yield
            except Exception as error:  # whatever is in one message, the others count
                self._refused(FEATURES.name, error)

    def put(self, table: pa.Table) -> None:
        """Rows of one of the items' views; items that are new get their vectors."""
        is_probe = pc.starts_with(table["item_id"], PROBE_PREFIX)
        rows = self._catalogue.put(table.filter(pc.invert(is_probe)))
        self._index(self._new(rows))

    def _keep(self, table: pa.Table) -> None:
        """What people met last; rows from before there was such a feature do not say."""
        if RECENT not in table.column_names:
            return
        times = table["user_updated_at"].to_pylist()
        people = zip(table["user_id"].to_pylist(), table[RECENT].to_pylist(), times, strict=True)
        for user_id, recent, time_s in people:
            if recent and not user_id.startswith(PROBE_PREFIX):
                self._catalogue.meet(user_id, recent, time_s)

    def _upserts(self, records: Sequence[ConsumerRecord]) -> Iterable[tuple[ItemUpsert, bool]]:
        """The upserts that are sound and new, and whether each is a deletion."""
        for record in records:
            try:
                message = message_of(record, ITEMS)
                now_s = min(message.timestamp_s, self._clock.now())
                upsert = event_of(message, now_s, self._door)
                mark = np.array([fingerprint(upsert.event_id)], np.uint64)
            except Exception as error:  # whatever is in one message, the others count
                self._refused(ITEMS.name, error)
                continue
            self._seen.rotate(message.timestamp_s)
            if self._seen.add(mark)[0]:
                yield upsert, record.value is None

    def _delete(self, deletion: ItemUpsert) -> None:
        version = UpsertVersion(deletion.event_time, deletion.event_id)
        row = self._catalogue.delete(deletion.item_id, version, self._clock.now())
        if row is not None:
            self._models.drop_items(np.array([row]))

    def _take(self, upserts: Sequence[ItemUpsert]) -> None:
        """All at once, or one by one where that fails."""
        if not upserts:
            return
        try:
            self._index(self._catalogue.upsert(upserts))
        except Exception as error:  # whatever one of them is, the others count
            if len(upserts) == 1:
                self._refused(ITEMS.name, error)
                return
            for upsert in upserts:
                self._take([upsert])

    def _probe(self, upsert: ItemUpsert) -> None:
        """Let a probe item through: into the catalogue, never to be shown, and into the index."""
        hidden = msgspec.structs.replace(upsert, item_id=PROBE_ITEM, hidden=True)
        self._catalogue.upsert([hidden])
        is_indexed = self._index(self._catalogue.rows([PROBE_ITEM]))
        if is_indexed and upsert.event_time >= self._began_s:  # older ones waited for this worker
            age_s = self._clock.now() - upsert.event_time
            self._metrics.item_to_retrievable.observe(max(age_s, 0.0))

    def _without_vector(self) -> int:
        model = self._models.current
        return model.retriever.index.refused if model and model.retriever else 0

    def _new(self, rows: np.ndarray) -> np.ndarray:
        """Those of `rows` that have no vector yet."""
        model = self._models.current
        rows = np.unique(rows)
        if model is None or model.retriever is None:
            return rows[:0]
        return rows[~model.retriever.index.has(rows)]

    def _index(self, rows: np.ndarray) -> bool:
        return len(rows) > 0 and self._models.add_items(np.unique(rows))

    def _refused(self, topic: str, error: Exception) -> None:
        self._metrics.feed_errors.labels(topic).inc()
        self._log.warn_of(topic, f"A message of topic {topic} was left out: {error}")
