"""The settings of Kafka connections as each client library wants them: TLS, SASL.

kafka-python and aiokafka (and Faust, which stands on it) are given the same TLS context, so that
they trust the same certificates.
"""

import ssl
from typing import Any

from millstream.errors import ConfigurationError
from millstream.settings import Settings, variable_name


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of every client of kafka-python and aiokafka, whose names are the same.

    Raises:
        ConfigurationError: the settings are not complete, or name files that cannot be used.
    """
    protocol = settings.kafka_security_protocol
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": protocol,
    }
    if protocol.endswith("SSL"):
        options["ssl_context"] = _context(settings)
    if protocol.startswith("SASL"):
        options |= _sasl(settings)
    return options


def _sasl(settings: Settings) -> dict[str, Any]:
    user, password = settings.kafka_sasl_username, settings.kafka_sasl_password
    if not user or password is None:
        raise ConfigurationError(
            f"{settings.kafka_security_protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
            f" (or KAFKA_SASL_PASSWORD_FILE). Received: {'a' if user else 'no'} user,"
            f" {'no' if password is None else 'a'} password."
        )
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": user,
        "sasl_plain_password": password.get_secret_value(),
    }


def _context(settings: Settings) -> ssl.SSLContext:
    """TLS context: certificates to trust, and our own."""
    name = "kafka_ssl_cafile"
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
        context.check_hostname = settings.kafka_ssl_check_hostname
        if settings.kafka_ssl_certfile is not None:
            name = "kafka_ssl_certfile"
            context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"{variable_name(name)} must name a PEM file that can be read."
            f" Received: {str(getattr(settings, name))!r} ({error})."
        ) from error
    return context
