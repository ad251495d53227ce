"""Networks by their configuration: each is built and compiled once in a process."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from features.spec import model_inputs
from millstream.snapshots.signature import InputSignature, Signatures
from models.task_names import outputs_of, tasks_in
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

    @property
    def is_portable(self) -> bool:
        """True if both run where there is no framework."""
        return self.query.is_portable and self.candidate.is_portable


class ProgramBuilder(Protocol):
    """Builder of compiled networks."""

    def ranker(self, config: Config, inputs: Signatures) -> Program:
        """The ranking network of `config` on `inputs`, in their order; a column for each task."""
        ...

    def retriever(self, config: Config, inputs: Signatures) -> Towers:
        """Both sides of `config` on `inputs`, in their order."""
        ...


class KerasBuilder:
    """`ProgramBuilder` in this process: it loads Keras and TensorFlow."""

    def ranker(self, config: Config, inputs: Signatures) -> Program:
        """See `ProgramBuilder.ranker`."""
        from models.multi_task.heads import side_by_side
        from models.rankers import ranking_network
        from models.spec_fields import ranker_fields

        network = ranking_network(config, ranker_fields(config["embedding_width"], inputs))
        return Program(side_by_side(network, outputs_of(tasks_in(config))), SHARED, network)

    def retriever(self, config: Config, inputs: Signatures) -> Towers:
        """See `ProgramBuilder.retriever`."""
        from models.retrievers import retrieval_model
        from models.spec_fields import retriever_fields

        fields = retriever_fields(config["embedding_width"], inputs)
        towers = retrieval_model(config, fields)
        return Towers(
            query=Program(towers.query, SHARED, towers.model),
            candidate=Program(towers.candidate, (), towers.model),
            dim=int(towers.candidate.output.shape[-1]),
        )


class Programs:
    """Compiled networks, kept by the configuration and inputs that a manifest names.

    A configuration is `{"name": ..., "embedding_width": ..., "options": {...}}`: the model's name
    in the catalogue, values per embedding row, and what else its builder takes, if anything. That
    of a ranker of several tasks names them, too (`models.rankers`).

    Args:
        builder: of those that are not there yet.
    """

    def __init__(self, builder: ProgramBuilder | None = None) -> None:
        self._builder = builder or KerasBuilder()
        self._rankers: dict[Key, Program] = {}
        self._retrievers: dict[Key, Towers] = {}

    def ranker(self, config: Config, inputs: Signatures) -> Program:
        """See `ProgramBuilder.ranker`."""
        key = _key(config, inputs)
        if key not in self._rankers:
            self._rankers[key] = self._builder.ranker(config, inputs)
        return self._rankers[key]

    def retriever(self, config: Config, inputs: Signatures) -> Towers:
        """See `ProgramBuilder.retriever`."""
        key = _key(config, inputs)
        if key not in self._retrievers:
            self._retrievers[key] = self._builder.retriever(config, inputs)
        return self._retrievers[key]


def _key(config: Config, inputs: Signatures) -> Key:
    return json.dumps(config, sort_keys=True), tuple(inputs)
