"""Impression log of a list that was shown: training sees what serving saw."""

from millstream.events import Impression, ShownItem
from serving.recommend.query import Recommendation


def impression(shown: Recommendation) -> Impression:
    """The event for a list with at least one item."""
    return Impression(
        event_id=f"impression-{shown.request_id}",
        event_time=shown.time_s,
        request_id=shown.request_id,
        user_id=shown.query.user_id,
        items=[
            ShownItem(
                item_id=item.item_id,
                position=item.position,
                score=item.score,
                propensity=item.propensity,
                source=",".join(item.sources),
                features=dict(item.features),
            )
            for item in shown.items
        ],
        model_version=shown.model_version,
        user_features=dict(shown.user_features),
        context=dict(shown.query.context),
        placement=shown.query.placement,
        score_version=shown.score_version,
    )
