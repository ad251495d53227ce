"""Chooses the Kafka broker.

`KAFKA_BOOTSTRAP_SERVERS` if set; else Apache Kafka where Java 17+ and Maven are there; else Tansu.
`MILLSTREAM_LOCAL_BROKER=apache|tansu` takes the choice away.
"""

import logging
import os
from pathlib import Path

from deploy.local.apache_kafka import ApacheKafka
from deploy.local.kafka_jars import apache_kafka_possible
from deploy.local.process import ServiceError
from deploy.local.service import ExternalService, Service
from deploy.local.tansu import Tansu

CHOICE = "MILLSTREAM_LOCAL_BROKER"

log = logging.getLogger(__name__)


def kafka_service(folder: Path) -> Service:
    """The broker for this machine, not started yet; `folder` is for its data and its log.

    Raises:
        ServiceError: what was chosen is not to be had here.
    """
    chosen = os.environ.get(CHOICE, "")
    if chosen not in ("", "apache", "tansu"):
        raise ServiceError(f"{CHOICE} must be `apache` or `tansu`. Received: {chosen!r}.")
    if not chosen and (address := os.environ.get("KAFKA_BOOTSTRAP_SERVERS")):
        return ExternalService(address)
    if chosen == "apache":
        return ApacheKafka(folder)
    if chosen == "tansu" or not apache_kafka_possible():
        return Tansu(folder)
    try:
        return ApacheKafka(folder)
    except ServiceError as error:  # Maven is there and cannot reach its repository
        log.warning("Taking Tansu in place of Apache Kafka. %s", error)
        return Tansu(folder)
