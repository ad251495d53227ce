"""Serving's cores, composed as its process composes them, with store and feeds in memory."""

from collections.abc import Callable, Sequence

import numpy as np

from millstream.clock import Clock
from millstream.errors import SnapshotError
from millstream.events import Event, Impression
from millstream.settings import Settings
from millstream.snapshots import SnapshotReader
from serving.catalogue.catalogue import Catalogue
from serving.consumers.catalogue_updater import CatalogueUpdater
from serving.fusion.fusion import Fusion
from serving.metrics import Metrics
from serving.model.loader import Loader
from serving.model.models import Models
from serving.recommend.options import ListOptions
from serving.recommend.quality import ListQuality
from serving.recommend.recommender import Dependencies, Recommender
from serving.recommend.request import Ranked
from serving.remembered import Remembered
from serving.rerank.diversity_budget import DiversityBudget
from serving.retrieval.item_index import IndexOptions
from serving.retrieval.rankings import Rankings
from serving.retrieval.retrieve import Retrieval
from serving.retrieval.source import RetrievalRequest
from serving.users import Users
from simulation.inline import Inline

# A request takes no simulated time, so none is late.
_NO_LIMIT_MS = 1e12


class Answering:
    """The serving worker without HTTP.

    Args:
        settings: of the installation.
        users: where users are read from.
        log: takes the log of each list.
        watch: sees the candidates of each list.
        seed: of exploration.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        users: Users,
        log: Callable[[Impression], None],
        watch: Callable[[RetrievalRequest, Ranked], None],
        seed: int,
    ) -> None:
        self.metrics, self.catalogue = Metrics(), Catalogue()
        self.rankings = Rankings(self.catalogue)
        options = ListOptions.of(settings.model_copy(update={"request_budget_ms": _NO_LIMIT_MS}))
        chosen = options.at("")
        self.retrieval = Retrieval(
            self.catalogue, self.rankings, chosen.sources, chosen.limits, chosen.seen
        )
        self.loader = Loader(
            SnapshotReader(settings.snapshot_dir),
            self.catalogue,
            clock,
            share=1.0,
            retriever_interval_s=settings.retriever_interval_s,
            indexing=IndexOptions(settings.index_exact_below, settings.index_share),
        )
        self.models = Models(self.loader, self.catalogue, self.metrics, clock, Inline())
        self.feeds = CatalogueUpdater(
            self.catalogue,
            self.models,
            self.metrics,
            clock,
            keeps_people=options.uses_people,
        )
        self.fusion, remembered = Fusion(settings.list_fusion), Remembered()
        self.diversity = DiversityBudget(settings.diversity_cost)
        self.recommender = Recommender(
            Dependencies(
                catalogue=self.catalogue,
                rankings=self.rankings,
                users=users,
                model=lambda: self.models.current,
                log=log,
                metrics=self.metrics,
                clock=clock,
                watch=watch,
                fusion=self.fusion,
                diversity=self.diversity,
            ),
            options,
            np.random.default_rng(seed),
            remembered,
            executor=Inline(),
        )
        self.quality = ListQuality(
            self.recommender.stages,
            remembered.user,
            self.catalogue,
            self.metrics,
            clock,
            self.fusion,
            self.diversity,
            settings.list_quality_interval_s,
        )

    async def note(self, event: Event, recent: Sequence[str] = ()) -> None:
        """An event is posted to this worker, which may ask itself a question; nothing else.

        Args:
            recent: what its user met right before, as a question would say it, newest first.
        """
        if self.models.current is not None:
            self.quality.note(event, recent)
            await self.quality.settled()

    async def serve(self, version: int) -> None:
        """Bring a snapshot into service.

        Raises:
            SnapshotError: it cannot be served.
        """
        if not await self.models.serve(version):
            raise SnapshotError(f"Snapshot {version} was not served: see the log.")
