"""Networks by their configuration: each is built and compiled once in a process."""

import json
from dataclasses import dataclass
from typing import Any

from features.spec import model_inputs
from models.catalogue import build
from models.retrieval.model import RetrievalModel
from models.spec_fields import ranker_fields, retriever_fields
from serving.model.program import Program

Config = dict[str, Any]

# Inputs that are the same for all items of one list.
SHARED = tuple(given.name for given in model_inputs() if given.side in ("user", "context"))


@dataclass(frozen=True)
class Towers:
    """The compiled sides of a retriever."""

    query: Program
    candidate: Program
    dim: int


class Programs:
    """Compiled networks, kept by the configuration that a manifest names them with.

    A configuration is `{"name": ..., "embedding_width": ..., "options": {...}}`: the model's name
    in the catalogue, values per embedding row, and what else its builder takes, if anything.
    """

    def __init__(self) -> None:
        self._rankers: dict[str, Program] = {}
        self._retrievers: dict[str, Towers] = {}

    def ranker(self, config: Config) -> Program:
        """The ranking network of `config`."""
        key = json.dumps(config, sort_keys=True)
        if key not in self._rankers:
            fields = ranker_fields(config["embedding_width"])
            network = build(config["name"], fields, **config.get("options", {}))
            self._rankers[key] = Program(network, SHARED)
        return self._rankers[key]

    def retriever(self, config: Config) -> Towers:
        """Both sides of `config`."""
        key = json.dumps(config, sort_keys=True)
        if key not in self._retrievers:
            fields = retriever_fields(config["embedding_width"])
            towers: RetrievalModel = build(config["name"], fields, **config.get("options", {}))
            self._retrievers[key] = Towers(
                query=Program(towers.query, SHARED, towers.model),
                candidate=Program(towers.candidate, (), towers.model),
                dim=int(towers.candidate.output.shape[-1]),
            )
        return self._retrievers[key]
