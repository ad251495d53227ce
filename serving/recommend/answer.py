"""From the places that were drawn to the answer."""

import uuid

from serving.catalogue.catalogue import Catalogue
from serving.recommend.query import Recommendation, Recommended
from serving.recommend.request import Ranked, Request
from serving.rerank.explore import Draw


def answer(request: Request, ranked: Ranked, draw: Draw, catalogue: Catalogue) -> Recommendation:
    """The list, with the features that it was made from."""
    places = zip(draw.order.tolist(), draw.propensity.tolist(), strict=True)
    return Recommendation(
        request_id=uuid.uuid4().hex,
        query=request.query,
        items=[
            _place(ranked, catalogue, at, position, propensity)
            for position, (at, propensity) in enumerate(places)
        ],
        model_version=str(request.model.version) if request.model else "",
        degraded=request.degraded,
        user_features=request.user.logged(request.user_features),
        time_s=request.time_s,
    )


def _place(
    ranked: Ranked, catalogue: Catalogue, at: int, position: int, propensity: float
) -> Recommended:
    row = int(ranked.candidates.rows[at])
    return Recommended(
        item_id=catalogue.ids[row],
        title=catalogue.columns["item_title"].text(row),
        position=position,
        score=float(ranked.scores[at]),
        sources=ranked.candidates.sources_of(at),
        propensity=propensity,
        features=catalogue.raw(row, ranked.features, at),
    )
