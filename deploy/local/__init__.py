"""Real services for a laptop and for tests: a Kafka broker and a Redis, started, watched and ended.

    with local_services() as services:
        KafkaProducer(bootstrap_servers=services.bootstrap_servers)
        Redis.from_url(services.redis_url)

Which broker and which Redis these are: see `deploy.local.kafka` and `deploy.local.redis`. By hand,
in a terminal of their own: `python -m deploy.local`.
"""

from deploy.local.process import Process, ServiceError
from deploy.local.services import LocalServices, local_services

__all__ = ["LocalServices", "Process", "ServiceError", "local_services"]
