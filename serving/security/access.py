"""Settings to what is open, and to whom."""

import ipaddress
from dataclasses import dataclass

from millstream.errors import ConfigurationError
from millstream.settings import Settings
from serving.security.keys import Caller, Keyring, keys_from_text, limits_from_text
from serving.security.scopes import ALL, OUTSIDE, Scope, needed_by_route

_NOBODY = Caller("", frozenset())


@dataclass(frozen=True)
class Access:
    """Access rules: callers and their scopes.

    Args:
        keys: those that are known; with none, everybody is `anonymous`.
        anonymous: what somebody without a key may do.
        has_open_metrics: whether `/metrics` needs no key.
    """

    keys: Keyring
    anonymous: Caller
    has_open_metrics: bool

    def needed(self, path: str) -> frozenset[Scope]:
        """The scopes of which a caller of `path` must have one; empty is open."""
        if path == "/metrics" and self.has_open_metrics:
            return frozenset()
        return needed_by_route(path)


def access_from_settings(settings: Settings) -> Access:
    """Access rules that the settings open.

    Raises:
        ConfigurationError: the keys cannot be read, or there are none, and the address is not this
            machine's own.
    """
    keys = keys_from_text(settings.api_keys.get_secret_value() if settings.api_keys else "")
    is_local = is_loopback(settings.host)
    if not keys and not is_local and not settings.allow_anonymous:
        raise ConfigurationError(
            f"MILLSTREAM_HOST {settings.host!r} can be reached by others: set MILLSTREAM_API_KEYS "
            "or MILLSTREAM_API_KEYS_FILE, or MILLSTREAM_ALLOW_ANONYMOUS=true to let everybody in."
        )
    limits = limits_from_text(settings.client_limits, "MILLSTREAM_CLIENT_LIMITS")
    anonymous = _NOBODY if keys else Caller("", _anonymous(settings, is_local), limits)
    opened = settings.open_metrics
    return Access(keys, anonymous, opened if opened is not None else is_local or not keys)


def is_loopback(host: str) -> bool:
    """True if only this machine can reach what listens on `host`.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _anonymous(settings: Settings, is_local: bool) -> frozenset[Scope]:
    if settings.anonymous_scopes is not None:
        return frozenset(settings.anonymous_scopes)
    return ALL if is_local else OUTSIDE
