"""From the places that were drawn to the answer."""

import uuid

from features.spec import TITLE
from serving.catalogue.catalogue import Catalogue
from serving.recommend.query import Recommendation, Recommended
from serving.recommend.request import Ranked, Request
from serving.rerank.explore import Draw


def answer(request: Request, ranked: Ranked, draw: Draw, catalogue: Catalogue) -> Recommendation:
    """The list, with the features that it was made from."""
    return Recommendation(
        request_id=request.query.request_id or uuid.uuid4().hex,
        query=request.query,
        items=_places(ranked, draw, catalogue),
        model_version=str(request.model.version) if request.model else "",
        degraded=request.degraded,
        user_features=request.user.logged(request.user_features),
        time_s=request.time_s,
        score_version=ranked.score_version,
    )


def _places(ranked: Ranked, draw: Draw, catalogue: Catalogue) -> list[Recommended]:
    at, candidates, titles = draw.order, ranked.candidates, catalogue.columns[TITLE]
    rows = candidates.rows[at].tolist()
    features = catalogue.raw(rows, {name: values[at] for name, values in ranked.features.items()})
    by_task = {task: scores[at].tolist() for task, scores in ranked.by_task.items()}
    sources = candidates.at(at).sources_each()
    scores, propensities = ranked.scores[at].tolist(), draw.propensity.tolist()
    return [
        Recommended(
            item_id=catalogue.ids[row],
            title=titles.text(row),
            position=position,
            score=scores[position],
            sources=sources[position],
            propensity=propensities[position],
            features=features[position],
            task_scores={task: values[position] for task, values in by_task.items()},
        )
        for position, row in enumerate(rows)
    ]
