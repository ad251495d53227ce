"""From the files of a snapshot to a model that answers."""

import numpy as np

from features.context import arrays_of, texts_of
from features.encode import encode_context, encode_cross
from features.signatures import input_signatures
from features.spec import spec_hash
from millstream.clock import Clock
from millstream.errors import SnapshotError
from millstream.snapshots import Manifest, SnapshotReader
from millstream.snapshots.layout import Role, dense_part, tables_from, tables_part
from millstream.snapshots.signature import Signatures, missing
from models.task_names import tasks_in
from serving.catalogue.catalogue import Catalogue
from serving.model.embedding_table import EmbeddingTable
from serving.model.program import Program, Tables
from serving.model.programs import ProgramBuilder, Programs
from serving.model.served import ServedModel, ServedNetwork, ServedRanker, ServedRetriever
from serving.model.touched import Changed, same_weights, touched
from serving.retrieval.item_index import IndexOptions, ItemIndex
from serving.similarity.simhash import SimHash
from serving.users import StoredUser

_WARM_ROWS = 500
_SHARE = 0.5


class Loader:
    """Loads versions; runs beside the event loop.

    Args:
        reader: of the snapshots.
        catalogue: whose items get vectors.
        clock: for the time that item features are taken at.
        share: of the processor's time, for the vectors of all items while requests are answered;
            1 does not pause.
        retriever_interval_s: minimum seconds between two retrievers, each of which costs a vector
            for every item; newer versions share the one that is served until then.
        indexing: how items are searched.
        builder: of networks; None builds them here.
    """

    def __init__(
        self,
        reader: SnapshotReader,
        catalogue: Catalogue,
        clock: Clock,
        share: float = _SHARE,
        retriever_interval_s: float = 0.0,
        indexing: IndexOptions | None = None,
        builder: ProgramBuilder | None = None,
    ) -> None:
        self._reader = reader
        self._catalogue = catalogue
        self._clock = clock
        self._share = share
        self._retriever_interval_s = retriever_interval_s
        self._indexing = indexing or IndexOptions()
        self._programs = Programs(builder)
        self._has_loaded = False

    def load(
        self,
        version: int,
        base: ServedModel | None = None,
        *,
        forced: bool = False,
        exact: bool = False,
    ) -> ServedModel:
        """The model of `version`, with a vector for every item, and warm.

        Where `version` is a chain of deltas from `base`, only those are read.

        Args:
            version: of the snapshot.
            base: what is served now.
            forced: whether it may be one that the gate held.
            exact: whether its retriever must be of `version` itself, too.

        Raises:
            SnapshotError: it cannot be read, was held, or has an input that is not computed here.
        """
        chain = self._reader.chain(version)
        newest = chain[-1]
        if newest.is_held and not forced:
            raise SnapshotError(f"Snapshot {version} was held by the gate: {newest.held_because}")
        inputs = _computable(newest)
        ranker = self._ranker(chain, base, inputs)
        retriever = None if exact else self._kept_retriever(newest, base, inputs)
        if retriever is None:
            retriever = self._retriever(chain, base.retriever if base else None, inputs)
        since = _since(chain, base.version) if base else []
        model = ServedModel(newest, ranker, retriever, _probes(chain if since is None else since))
        self._warm(model)
        self._has_loaded = True
        return model

    def _ranker(
        self, chain: list[Manifest], base: ServedModel | None, inputs: Signatures
    ) -> ServedRanker | None:
        config = chain[-1].models.get("ranker")
        if config is None:
            return None
        program = self._programs.ranker(config, inputs)
        old = base.ranker if base else None
        since = _since(chain, base.version) if base and old else None
        tables = old.network.tables if old and since is not None else None
        tables = self._tables("ranker", chain if since is None else since, tables, program)
        network = self._network("ranker", chain[-1], program, tables)
        return ServedRanker(network, tasks_in(config))

    def _kept_retriever(
        self, newest: Manifest, base: ServedModel | None, inputs: Signatures
    ) -> ServedRetriever | None:
        """The retriever of `base`, if a newer version goes on with it for now."""
        old, config = base.retriever if base else None, newest.models.get("retriever")
        if base is None or old is None or config is None or base.version > newest.version:
            return None
        is_fresh = 0.0 <= self._clock.now() - old.loaded_s < self._retriever_interval_s
        is_same = self._programs.retriever(config, inputs).query is old.query.program
        return old if is_fresh and is_same else None

    def _retriever(
        self, chain: list[Manifest], old: ServedRetriever | None, inputs: Signatures
    ) -> ServedRetriever | None:
        config = chain[-1].models.get("retriever")
        if config is None:
            return None
        towers = self._programs.retriever(config, inputs)
        since = _since(chain, old.manifest.version) if old else None
        links, old = (chain, None) if since is None else (since, old)
        tables = self._tables(
            "retriever", links, old.query.tables if old else None, towers.query, towers.candidate
        )
        retriever = ServedRetriever(
            query=self._network("retriever", chain[-1], towers.query, tables),
            candidate=self._network("retriever", chain[-1], towers.candidate, tables),
            index=ItemIndex(towers.dim, self._indexing.share),
            hashed=SimHash(towers.dim),
            manifest=chain[-1],
            loaded_s=self._clock.now(),
        )
        self._index(retriever, links, old)
        return retriever

    def _index(
        self, retriever: ServedRetriever, links: list[Manifest], old: ServedRetriever | None
    ) -> None:
        """Give every item its vector.

        Where the item tower's dense weights are those of `old`, only the vectors change that read
        a row which did. Else all do: in slices, with pauses between them for requests.
        """
        rows = np.arange(len(self._catalogue))
        if len(rows) >= self._indexing.exact_below:
            retriever.cluster(self._catalogue, self._clock.now())
        if old is not None and same_weights(old.candidate, retriever.candidate):
            retriever.copy_vectors(old.index, self._catalogue)
            rows = touched(retriever, self._catalogue, self._changed(links), self._clock.now())
        share = self._share if self._has_loaded else 1.0
        retriever.add(self._catalogue, rows, self._clock.now(), share)

    def _changed(self, chain: list[Manifest]) -> Changed:
        """The ids whose rows deltas changed or removed, by table of the retriever."""
        found: dict[str, list[np.ndarray]] = {}
        for link in chain:
            arrays = self._reader.arrays(link, tables_part("retriever"), _is_of_ids)
            for name, ids in arrays.items():
                found.setdefault(name.rpartition("/")[0], []).append(ids)
        return {table: np.unique(np.concatenate(ids)) for table, ids in found.items()}

    def _tables(
        self, role: Role, chain: list[Manifest], old: Tables | None, *programs: Program
    ) -> Tables:
        if old is None:
            known = {name: t for program in programs for name, t in program.tables.items()}
            tables = {name: EmbeddingTable.empty(table.width) for name, table in known.items()}
        else:
            tables = dict(old)
        for link in chain:
            changes = tables_from(self._reader.arrays(link, tables_part(role)))
            for name in changes.keys() & tables.keys():
                tables[name] = tables[name].updated(changes[name])
        return tables

    def _network(
        self, role: Role, newest: Manifest, program: Program, tables: Tables
    ) -> ServedNetwork:
        arrays = self._reader.arrays(newest, dense_part(role))
        return ServedNetwork(program, program.weights(arrays), tables)

    def _warm(self, model: ServedModel) -> None:
        """Run everything once: the first run of a compiled network is slower than the rest."""
        time_s, user = self._clock.now(), StoredUser.unknown("")
        features = user.as_of(time_s)
        rows = np.zeros(_WARM_ROWS, dtype=np.int64)
        items = self._catalogue.as_of(rows, time_s)
        inputs = {
            **user.inputs(features, time_s),
            **encode_context(np.array([time_s]), arrays_of(texts_of({}))),
            **self._catalogue.inputs(rows, items, time_s),
            **encode_cross(features, items),
        }
        if model.ranker is not None:
            model.ranker.scores(inputs)
        if model.retriever is not None:
            model.retriever.query_vector(inputs)
            model.retriever.candidate({name: values[:1] for name, values in inputs.items()})


def _computable(newest: Manifest) -> Signatures:
    """Inputs of a snapshot's networks, in their order.

    Raises:
        SnapshotError: one of them is not computed here, or not in the same way.
    """
    known = input_signatures()
    inputs = newest.inputs_or(known, spec_hash())
    if inputs is None:
        raise SnapshotError(
            f"Snapshot {newest.version} must be of feature spec {spec_hash()}, for it does not "
            f"name its inputs. Received: {newest.spec_hash!r}."
        )
    if lacking := missing(inputs, known):
        raise SnapshotError(
            f"Inputs of snapshot {newest.version} must be among the features of this worker. "
            f"Received besides: {', '.join(lacking)}."
        )
    return inputs


def _since(chain: list[Manifest], version: int) -> list[Manifest] | None:
    """The links after `version`; None where the chain is not built on it."""
    versions = [link.version for link in chain]
    return chain[versions.index(version) + 1 :] if version in versions else None


def _is_of_ids(name: str) -> bool:
    return name.endswith(("/ids", "/removed"))


def _probes(links: list[Manifest]) -> dict[str, float]:
    """The probes that these snapshots have learnt past, each once."""
    return {event_id: at for link in links for event_id, at in link.extra.get("probes", [])}
