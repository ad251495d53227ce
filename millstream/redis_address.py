"""Redis URLs: what they may be, taken apart, and shown without their passwords.

    redis://[[user]:password@]host[:port][/db][?option=value]     rediss:// for TLS
    redis+sentinel://[[user]:password@]host[:port][,host[:port]]/service[/db][?option=value]
                                                                  rediss+sentinel:// for TLS
    unix://[[user]:password@]/path[?db=0]

Options are those of redis-py, such as `ssl_ca_certs`, `ssl_cert_reqs`, `ssl_certfile`,
`ssl_keyfile` and `ssl_check_hostname`. The user and password are those of the data servers; those
of the sentinels, where they have any, are `sentinel_username` and `sentinel_password`.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.connection import parse_url

SENTINEL_PORT = 26379

_PLAIN = ("redis", "rediss", "unix")
_SENTINEL = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_OWN = ("sentinel_username", "sentinel_password")
_EXPECTED = (
    "Expected redis://[[user]:password@]host:port/db (rediss:// for TLS, unix:///path, or"
    " redis+sentinel://host:port[,host:port]/service/db), in which user and password are"
    " percent-encoded (@ is %40, : is %3A, / is %2F)"
)


@dataclass(frozen=True)
class RedisAddress:
    """A Redis URL, taken apart.

    Args:
        url: of one server; of a service, one of its sentinels stands in.
        options: keyword arguments of a redis-py connection: host, port, db, password, ssl_*.
        is_tls: whether connections are encrypted.
        service: the name that the sentinels know the master by; "" without sentinels.
        sentinels: (host, port) of each.
        sentinel_options: keyword arguments of connections to them.
    """

    url: str = field(repr=False)
    options: dict[str, Any] = field(repr=False)
    is_tls: bool = False
    service: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()
    sentinel_options: dict[str, Any] = field(default_factory=dict, repr=False)


def parse(url: str) -> RedisAddress:
    """Take a URL apart.

    Raises:
        ValueError: it is none. The text does not hold it: it may hold a password.
    """
    try:
        scheme = url.partition("://")[0]
        return _sentinel(url, scheme) if scheme in _SENTINEL else _plain(url, scheme)
    except ValueError:
        raise ValueError(_EXPECTED) from None


def masked(url: str) -> str:
    """A URL with `***` for its passwords.

    >>> masked("redis://me:hunter2@h:1/0")
    'redis://me:***@h:1/0'
    """
    without = re.sub(r"(?<=://)([^/@:]*):.*@", r"\1:***@", url)
    return re.sub(r"(password=)[^&]*", r"\1***", without)


def _plain(url: str, scheme: str) -> RedisAddress:
    parts = urlsplit(url)
    if scheme not in _PLAIN or parts.fragment or "@" in parts.path + parts.query:
        raise ValueError
    if scheme != "unix" and not (parts.hostname and re.fullmatch(r"/?\d*", parts.path)):
        raise ValueError
    _ = parts.port  # raises where it is no number: most likely a password is not encoded
    options = dict(parse_url(url))
    options.pop("connection_class", None)
    return RedisAddress(url, options, scheme == "rediss")


def _sentinel(url: str, scheme: str) -> RedisAddress:
    rest = url.partition("://")[2]
    place, _, query = rest.partition("?")
    authority, _, path = place.partition("/")
    login, at, hosts = authority.rpartition("@")
    service, _, db = path.partition("/")
    if not service or not re.fullmatch(r"\d*", db) or "@" in path or "#" in rest:
        raise ValueError
    sentinels = tuple(_host_and_port(each) for each in hosts.split(","))
    values = dict(parse_qsl(query))
    own = {name.removeprefix("sentinel_"): values.pop(name) for name in _OWN if name in values}
    host, port = sentinels[0]
    name = f"[{host}]" if ":" in host else host
    stand_in = f"{_SENTINEL[scheme]}://{login}{at}{name}:{port}/{db or 0}"
    single = _plain(f"{stand_in}?{urlencode(values)}", _SENTINEL[scheme])
    options = {k: v for k, v in single.options.items() if k not in ("host", "port")}
    tls = {k: v for k, v in options.items() if k.startswith("ssl_")}
    if single.is_tls:
        options["ssl"] = tls["ssl"] = True
    return RedisAddress(single.url, options, single.is_tls, unquote(service), sentinels, tls | own)


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.username or parts.path:
        raise ValueError
    return parts.hostname, parts.port or SENTINEL_PORT
