"""Small snapshots as the trainer writes them, for tests of what reads them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from features.spec import spec_hash
from millstream.snapshots import Manifest, SnapshotWriter
from millstream.snapshots.layout import Role, TableRows, dense_part, tables_part
from models.catalogue import build
from models.fields import Field
from models.retrieval.model import RetrievalModel
from models.spec_fields import ranker_fields, retriever_fields
from models.split import Split, split
from models.weights import weight_arrays

MODELS: dict[str, Any] = {
    "ranker": {"name": "dcn_v2", "embedding_width": 4, "options": {"hidden": [8]}},
    "retriever": {"name": "two_tower", "embedding_width": 4, "options": {"hidden": [8]}},
}


class SnapshotMaker:
    """Writes versions whose networks are real and whose numbers are drawn at random.

    Args:
        root: the snapshot directory.
        ids: 64-bit keys that have a row of their own in every table.
        models: configuration by role, as a manifest has it; small ones for tests.
    """

    def __init__(self, root: Path, ids: np.ndarray, models: dict[str, Any] | None = None) -> None:
        keras.utils.set_random_seed(7)
        self.writer = SnapshotWriter(root)
        self.ids = ids
        self.models = MODELS if models is None else models
        self.ranker: keras.Model = self._build("ranker", ranker_fields)
        self.towers: RetrievalModel = self._build("retriever", retriever_fields)
        self._splits: dict[Role, tuple[Split, ...]] = {
            "ranker": (split(self.ranker),),
            "retriever": (split(self.towers.query), split(self.towers.candidate)),
        }

    def write(
        self,
        version: int,
        parent: int | None = None,
        seed: int | None = None,
        models: dict[str, Any] | None = None,
        publish: bool = True,
        **manifest: Any,
    ) -> dict[Role, dict[str, TableRows]]:
        """Write one version (a delta where `parent` is given); returns its table rows by role."""
        rng = np.random.default_rng(version if seed is None else seed)
        chosen = self.models if models is None else models
        rows: dict[Role, dict[str, TableRows]] = {}
        parts: dict[str, dict[str, np.ndarray]] = {}
        networks: dict[Role, keras.Model] = {"ranker": self.ranker, "retriever": self.towers.model}
        for role, network in networks.items():
            if role in chosen:
                rows[role] = self._rows(role, rng, is_delta=parent is not None)
                tables = [table.arrays(name) for name, table in rows[role].items()]
                parts[dense_part(role)] = weight_arrays(network)
                parts[tables_part(role)] = {k: v for arrays in tables for k, v in arrays.items()}
        whole = Manifest(
            version=version,
            kind="full" if parent is None else "delta",
            parent=parent,
            models=chosen,
            **{"created_at": 1_700_000_000.0, "spec_hash": spec_hash(), **manifest},
        )
        self.writer.write(whole, parts)
        if publish:
            self.writer.point_latest(version)
        return rows

    def _build(self, role: Role, fields: Callable[[int], Sequence[Field]]) -> Any:
        config = self.models[role]
        given = fields(config["embedding_width"])
        return build(config["name"], given, **config.get("options", {}))

    def _rows(self, role: Role, rng: np.random.Generator, is_delta: bool) -> dict[str, TableRows]:
        """In a delta every third id changes and the first id goes; id 0 is the shared row."""
        ids = np.r_[0, self.ids[1::3]] if is_delta else np.r_[0, self.ids]
        removed = self.ids[:1] if is_delta else self.ids[:0]
        tables = {name: t for part in self._splits[role] for name, t in part.tables.items()}
        return {
            name: TableRows(
                ids, rng.normal(scale=0.3, size=(len(ids), table.width)).astype("f4"), removed
            )
            for name, table in tables.items()
        }
