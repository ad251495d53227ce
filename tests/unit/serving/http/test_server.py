"""The port that several processes share."""

import socket

import pytest

from millstream.errors import ConfigurationError
from millstream.settings import Settings
from serving.http.server import opened
from tests.support.installation import Installation


def chosen(port: int, host: str = "127.0.0.1") -> Settings:
    return Settings(_env_file=None, serving_port=port, host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_listens_only_once_somebody_serves(host):
    port = Installation.new_port()
    with opened(chosen(port, host)) as shared:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port), timeout=5)
        shared.listen()
        socket.create_connection((host, port), timeout=5).close()


def test_an_address_that_another_program_listens_on_is_refused_by_name():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = f"must be free to listen on. Received: 127.0.0.1:{port}"
        with pytest.raises(ConfigurationError, match=said), opened(chosen(port)):
            pass
