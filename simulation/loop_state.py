"""The state of a loop: what of its objects changes while it runs, and back into a fresh loop.

Objects of a fresh loop are composed as always. Of each part the attributes are kept, but for
those that name other parts or say how it was composed; references from one part to another are
kept by name. What cannot be written fails loudly, so that nothing new is forgotten.
"""

import json
import pickle
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import IO, Any

import keras
import tensorflow as tf

from features.interner import CATEGORIES, ITEMS
from millstream.errors import ConfigurationError
from serving.model.program import Program
from serving.model.programs import Programs
from simulation.loop import Loop

# Numbers of strings are those of a process: what they stand for is kept, too.
_INTERNERS = (ITEMS, CATEGORIES)
# By part, the attributes that composition sets and nothing changes.
_COMPOSED: Mapping[str, frozenset[str]] = {
    "stream": frozenset({"_rules", "_metrics", "_consumer", "_arrived", "_working"}),
    "trainer": frozenset(),
    "ranker": frozenset(
        {
            *("network", "parts", "body", "dense", "_layout", "_fields", "_learn", "_score"),
            *("_late", "_places"),
        }
    ),
    "retriever": frozenset(
        {
            "network",
            "query",
            "candidate",
            "dense",
            "_names",
            "_layout",
            "_fields",
            "_learn",
            "_compare",
        }
    ),
    # What it compares with is read from the disk again.
    "judge": frozenset({"_reader", "_frozen"}),
    "publisher": frozenset(
        {"builder", "writer", "announce", "executor", "on_failure", "on_promotion", "on_fall_back"}
    ),
    "models": frozenset({"served", "_metrics", "_thread"}),
    "loader": frozenset({"_programs"}),
    "feeds": frozenset({"_metrics", "_door", "_log"}),
    "recommender": frozenset({"_dependencies", "_options", "_log", "_threads"}),
    "making": frozenset({"_metrics", "_scoring", "_plans", "_watch", "_fusion", "_diversity"}),
    "quality": frozenset(
        {"_ask", "_user", "_metrics", "_fusion", "_diversity", "_log", "_asking", "_is_busy"}
    ),
    "store": frozenset({"_layouts"}),
    "reader": frozenset({"root"}),
    "snapshots": frozenset({"root"}),
}


def dump(loop: Loop, further: Any, to: IO[bytes]) -> None:
    """Write the state of a loop, and what else is to be kept with it.

    Args:
        further: anything that can be pickled; parts of the loop in it are kept by name.
    """
    programs = loop.answering.loader._programs
    pickle.dump((list(programs._rankers), list(programs._retrievers)), to)
    parts = parts_of(loop)
    names = {id(part): name for name, part in {**parts, **_programs_of(programs)}.items()}
    state = {name: _changing(name, part) for name, part in parts.items()}
    weights = [[variable.numpy() for variable in each] for each in _variables(loop)]
    texts = [interner.texts(range(len(interner))) for interner in _INTERNERS]
    _Pickler(to, names).dump((state, weights, texts, further))


def load(loop: Loop, source: IO[bytes]) -> Any:
    """Bring a fresh loop to where the state was written; what else was kept with it.

    Raises:
        ConfigurationError: this process has given the numbers of strings to others already.
    """
    programs, (rankers, retrievers) = loop.answering.loader._programs, pickle.load(source)
    for config, inputs in rankers:
        programs.ranker(json.loads(config), inputs)
    for config, inputs in retrievers:
        programs.retriever(json.loads(config), inputs)
    known = {**parts_of(loop), **_programs_of(programs)}
    state, weights, texts, further = _Unpickler(source, known).load()
    for interner, own in zip(_INTERNERS, texts, strict=True):
        if interner.numbers(own) != list(range(1, len(own) + 1)):
            raise ConfigurationError("A checkpoint must be the first that a process goes on from.")
    for name, attributes in state.items():
        vars(known[name]).update(attributes)
    for variables, arrays in zip(_variables(loop), weights, strict=True):
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
    if loop.answering.models.current is not None:
        loop.answering.models.served.set()
    return further


def parts_of(loop: Loop) -> dict[str, Any]:
    """The objects that have state, and those that others only refer to, by name."""
    learning, answering = loop.learning, loop.answering
    trainer, publisher = learning.trainer, learning.publisher
    recommender, judge = answering.recommender, publisher.builder.judge
    return {
        "clock": loop.clock,
        "broker": loop.broker,
        "store": loop.store,
        "stream": loop.stream,
        "trainer": trainer,
        "ranker": trainer.ranker,
        "retriever": trainer.retriever,
        **({} if judge is None else {"judge": judge, "recent": trainer.recent}),
        **({} if trainer.lists is None else {"lists": trainer.lists}),
        "publisher": publisher,
        "lineage": publisher.lineage,
        "reader": publisher.reader,
        "catalogue": answering.catalogue,
        "rankings": answering.rankings,
        "retrieval": answering.retrieval,
        "models": answering.models,
        "loader": answering.loader,
        "snapshots": answering.loader._reader,
        "feeds": answering.feeds,
        "recommender": recommender,
        "breaker": recommender._breaker,
        "making": recommender._making,
        "quality": answering.quality,
        "fusion": answering.fusion,
        "diversity": answering.diversity,
    }


def _programs_of(programs: Programs) -> dict[str, Program]:
    """The compiled networks of serving by name; what is served refers to them."""
    found = {f"ranker {key}": program for key, program in programs._rankers.items()}
    for key, towers in programs._retrievers.items():
        found |= {f"query {key}": towers.query, f"candidate {key}": towers.candidate}
    return found


def _changing(name: str, part: Any) -> dict[str, Any]:
    kept = _COMPOSED.get(name, frozenset())
    return {key: value for key, value in vars(part).items() if key not in kept}


def _variables(loop: Loop) -> Iterator[list[keras.Variable]]:
    """The variables of each network, of its optimiser, and those that training alone has."""
    for learner in loop.learning.trainer.learners.values():
        yield learner.network.variables
        yield learner.dense.optimiser.variables
    yield loop.learning.trainer.ranker.aside_variables


class _Pickler(pickle.Pickler):
    def __init__(self, to: IO[bytes], names: Mapping[int, str]) -> None:
        super().__init__(to, pickle.HIGHEST_PROTOCOL)
        self._names = names

    def persistent_id(self, value: Any) -> str | None:
        return self._names.get(id(value))

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Future):
            return _done, (value.result(),)
        if isinstance(value, weakref.ReferenceType):
            return _reference, (value(),)
        if isinstance(value, tf.Tensor):
            return tf.constant, (value.numpy(),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, source: IO[bytes], known: Mapping[str, Any]) -> None:
        super().__init__(source)
        self._known = known

    def persistent_load(self, name: Any) -> Any:
        return self._known[name]


def _reference(to: Any) -> "weakref.ref[Any]":
    """A weak reference; a dead one where there is nothing to refer to."""
    return weakref.ref(_Gone() if to is None else to)


class _Gone:
    pass


def _done(result: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future
