"""An Apache Kafka whose second listener wants TLS and a password."""

from pathlib import Path

from deploy.local.apache_kafka import ApacheKafka, Listener
from deploy.local.places import HOST, free_ports
from tests.support.certificates import Authority

USER, PASSWORD = "millstream", "a secret: with@signs"
_PREFIX = "listener.name.second"
_MODULES = "org.apache.kafka.common.security"


def secure_kafka(folder: Path, authority: Authority) -> tuple[ApacheKafka, str]:
    """The broker, not started yet, and the address of its listener for SASL_SSL."""
    server = authority.identity("kafka", HOST)
    (port,) = free_ports(1)
    properties = {
        f"{_PREFIX}.ssl.keystore.type": "PEM",
        f"{_PREFIX}.ssl.keystore.location": str(server.both),
        f"{_PREFIX}.ssl.truststore.type": "PEM",
        f"{_PREFIX}.ssl.truststore.location": str(authority.ca),
        f"{_PREFIX}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        f"{_PREFIX}.plain.sasl.jaas.config": f"{_MODULES}.plain.PlainLoginModule required"
        f' user_{USER}="{PASSWORD}";',
    }
    for bits in (256, 512):
        name = f"{_PREFIX}.scram-sha-{bits}.sasl.jaas.config"
        properties[name] = f"{_MODULES}.scram.ScramLoginModule required;"
    scram = tuple(
        option
        for bits in (256, 512)
        for option in (
            "--add-scram",
            f'SCRAM-SHA-{bits}=[name="{USER}",password="{PASSWORD}"]',
        )
    )
    listener = Listener(port, "SASL_SSL", properties, scram)
    return ApacheKafka(folder, listener), f"{HOST}:{port}"
