"""The overview: one row a question, from what people notice to what explains it."""

from deploy.grafana.panels import Json, dashboard
from deploy.grafana.rows.bounds import BOUNDS
from deploy.grafana.rows.freshness import FRESHNESS
from deploy.grafana.rows.funnel import FUNNEL
from deploy.grafana.rows.now import NOW
from deploy.grafana.rows.quality import QUALITY
from deploy.grafana.rows.serving import SERVING
from deploy.grafana.rows.snapshots import SNAPSHOTS
from deploy.grafana.rows.stores import STORES
from deploy.grafana.rows.tasks import TASKS
from deploy.grafana.rows.throughput import THROUGHPUT

ROWS = (NOW, FRESHNESS, QUALITY, TASKS, FUNNEL, THROUGHPUT, SERVING, STORES, BOUNDS, SNAPSHOTS)


def overview() -> Json:
    """The dashboard `Millstream`."""
    return dashboard("millstream", "Millstream", ROWS)
