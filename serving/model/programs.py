"""Networks by their configuration: each is built and compiled once in a process."""

import json
from dataclasses import dataclass
from typing import Any

from features.spec import model_inputs
from millstream.snapshots.signature import InputSignature, Signatures
from models.catalogue import build
from models.multi_task.heads import side_by_side
from models.rankers import ranking_network, tasks_in
from models.retrieval.model import RetrievalModel
from models.spec_fields import ranker_fields, retriever_fields
from serving.model.program import Program

Config = dict[str, Any]
Key = tuple[str, tuple[InputSignature, ...]]

# Inputs that are the same for all items of one list.
SHARED = tuple(given.name for given in model_inputs() if given.side in ("user", "context"))


@dataclass(frozen=True)
class Towers:
    """The compiled sides of a retriever."""

    query: Program
    candidate: Program
    dim: int


class Programs:
    """Compiled networks, kept by the configuration and inputs that a manifest names.

    A configuration is `{"name": ..., "embedding_width": ..., "options": {...}}`: the model's name
    in the catalogue, values per embedding row, and what else its builder takes, if anything. That
    of a ranker of several tasks names them, too (`models.rankers`).
    """

    def __init__(self) -> None:
        self._rankers: dict[Key, Program] = {}
        self._retrievers: dict[Key, Towers] = {}

    def ranker(self, config: Config, inputs: Signatures) -> Program:
        """The ranking network of `config` on `inputs`, in their order; a column for each task."""
        key = _key(config, inputs)
        if key not in self._rankers:
            fields = ranker_fields(config["embedding_width"], inputs)
            network = ranking_network(config, fields)
            columns = side_by_side(network, tasks_in(config))
            self._rankers[key] = Program(columns, SHARED, network)
        return self._rankers[key]

    def retriever(self, config: Config, inputs: Signatures) -> Towers:
        """Both sides of `config` on `inputs`, in their order."""
        key = _key(config, inputs)
        if key not in self._retrievers:
            fields = retriever_fields(config["embedding_width"], inputs)
            towers: RetrievalModel = build(config["name"], fields, **config.get("options", {}))
            self._retrievers[key] = Towers(
                query=Program(towers.query, SHARED, towers.model),
                candidate=Program(towers.candidate, (), towers.model),
                dim=int(towers.candidate.output.shape[-1]),
            )
        return self._retrievers[key]


def _key(config: Config, inputs: Signatures) -> Key:
    return json.dumps(config, sort_keys=True), tuple(inputs)
