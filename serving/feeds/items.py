"""The catalogue from Kafka: upserts from topic `items`, counters from topic `features`."""

import logging
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from aiokafka import ConsumerRecord

from features.attributes import item_version
from features.spec import VIEWS
from millstream.batches import decode_table, metadata_of
from millstream.clock import Clock
from millstream.codec import decode
from millstream.errors import InvalidEvent
from millstream.events import ItemUpsert
from millstream.topics import FEATURES, ITEMS
from serving.catalogue.catalogue import Catalogue
from serving.limited_log import LimitedLog
from serving.metrics import Metrics
from serving.model.models import Models

# Ids of probe items begin with the prefix. They share one place in the catalogue, where nobody is
# shown them: probing must not make it grow.
PROBE_PREFIX = "__probe"
PROBE_ITEM = "__probe__"
_ITEM_VIEWS = frozenset(view.name for view in VIEWS if view.entity == "item")


class ItemFeeds:
    """Handlers that bring the catalogue and the item index up to date."""

    def __init__(
        self, catalogue: Catalogue, models: Models, metrics: Metrics, clock: Clock
    ) -> None:
        self._catalogue = catalogue
        self._models = models
        self._metrics = metrics
        self._clock = clock
        self._began_s = clock.now()
        self._log = LimitedLog(logging.getLogger(__name__), clock)
        metrics.items.set_function(lambda: len(catalogue))

    def items(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of topic `items`: an item can be retrieved when this returns."""
        upserts = list(self._upserts(records))
        probes = [upsert for upsert in upserts if upsert.is_probe]
        self._take([upsert for upsert in upserts if not upsert.is_probe])
        for probe in probes:
            self._probe(probe)

    def features(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of topic `features`: rows of the items' views."""
        for record in records:
            try:
                table = decode_table(record.value)
                if metadata_of(table).get("view") in _ITEM_VIEWS:
                    self.put(table)
            except (InvalidEvent, KeyError, pa.ArrowException) as error:
                self._refused(FEATURES.name, error)

    def put(self, table: pa.Table) -> None:
        """Rows of one of the items' views; items that are new get their vectors."""
        is_probe = pc.starts_with(table["item_id"], PROBE_PREFIX)
        rows = self._catalogue.put(table.filter(pc.invert(is_probe)))
        self._index(self._new(rows))

    def _upserts(self, records: Sequence[ConsumerRecord]) -> Iterable[ItemUpsert]:
        for record in records:
            try:
                upsert = _upsert(record)
                item_version(upsert)  # an attribute of the wrong type is found here
            except InvalidEvent as error:
                self._refused(ITEMS.name, error)
            else:
                yield upsert

    def _take(self, upserts: Sequence[ItemUpsert]) -> None:
        if upserts:
            self._index(self._catalogue.upsert(upserts))

    def _probe(self, upsert: ItemUpsert) -> None:
        """Let a probe item through: into the catalogue, never to be shown, and into the index."""
        hidden = msgspec.structs.replace(upsert, item_id=PROBE_ITEM, hidden=True)
        is_indexed = self._index(self._catalogue.upsert([hidden]))
        if is_indexed and upsert.event_time >= self._began_s:  # older ones waited for this worker
            age_s = self._clock.now() - upsert.event_time
            self._metrics.item_to_retrievable.observe(max(age_s, 0.0))

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


def _upsert(record: ConsumerRecord) -> ItemUpsert:
    """A message without a value deletes from a compacted topic: the item is hidden."""
    if record.value is not None or not record.key:
        return decode(record.value or b"", ItemUpsert)
    return ItemUpsert(
        event_id=f"deletion:{record.partition}:{record.offset}",
        event_time=record.timestamp / 1000.0,
        item_id=record.key.decode(errors="replace"),
        hidden=True,
    )
