"""The moment from which a bootstrap learns, as a person writes it."""

from math import inf

import click
import pytest

from millstream.cli.bootstrap import _moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, -inf), ("1750000080.5", 1750000080.5), ("1970-01-01T00:01:00Z", 60.0)],
)
def test_a_moment_is_rfc_3339_or_unix_seconds_or_the_beginning(text, seconds):
    assert _moment(text) == seconds


def test_what_is_no_moment_is_refused():
    with pytest.raises(click.BadParameter, match=r"RFC 3339 or Unix seconds. Received: 'soon'"):
        _moment("soon")
