"""Redis URLs: taken apart, refused with a hint, shown without passwords."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.redis_address import masked, parse

WRONG = [
    "redis://:p@ss:w/o@127.0.0.1:6379/0",
    "redis://:12/3@h:6379/0",
    "redis://:pa#ss@h:1/0",
    "redis://:pa?ss@h:1/0",
    "redis://:pa[ss@h:1/0",
    "redis://h:1/other",
    "http://h:1/0",
    "localhost:6379",
    "",
    "redis+sentinel://h:1",
    "redis+sentinel://:pa/ss@h:1/shop",
]


@pytest.mark.parametrize("url", WRONG)
def test_what_is_no_url_is_refused_with_a_hint_and_without_its_text(url):
    with pytest.raises(ValueError, match="percent-encoded") as refused:
        parse(url)
    assert not url or url not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@given(st.text(min_size=1))
def test_any_password_that_is_percent_encoded_comes_back_and_is_never_shown(password):
    encoded = quote(password, safe="", errors="surrogatepass")
    for url in (
        f"redis://me:{encoded}@host.example:7/2",
        f"rediss+sentinel://me:{encoded}@host.example:7,other.example/shop/2",
    ):
        assert parse(url).options["password"] == password
        assert masked(url) == url.replace(f"me:{encoded}@", "me:***@")
        assert encoded not in repr(parse(url)) or encoded in "RedisAddress(is_tls=True, service="


def test_the_options_of_a_url_are_those_of_the_connection():
    found = parse("rediss://h:1/3?ssl_ca_certs=/ca.pem&ssl_cert_reqs=none&ssl_check_hostname=no")
    assert found.is_tls
    assert found.options == {
        "host": "h",
        "port": 1,
        "db": 3,
        "ssl_ca_certs": "/ca.pem",
        "ssl_cert_reqs": "none",
        "ssl_check_hostname": False,
    }


def test_sentinels_have_names_and_passwords_of_their_own():
    found = parse("redis+sentinel://me:a%2Fb@one,two:5/shop/2?sentinel_password=other")
    assert (found.service, found.sentinels) == ("shop", (("one", 26379), ("two", 5)))
    assert found.options == {"username": "me", "password": "a/b", "db": 2}
    assert found.sentinel_options == {"password": "other"}
    assert masked("redis+sentinel://one/shop?sentinel_password=other") == (
        "redis+sentinel://one/shop?sentinel_password=***"
    )


def test_tls_goes_for_the_sentinels_too():
    found = parse("rediss+sentinel://one/shop?ssl_ca_certs=/ca.pem")
    assert found.sentinel_options == {"ssl": True, "ssl_ca_certs": "/ca.pem"}
    assert found.options == {"ssl": True, "ssl_ca_certs": "/ca.pem", "db": 0}
