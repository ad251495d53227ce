"""Dead letters fit into a Kafka message, whatever was refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.dead_letters import DeadLetter
from stream.outputs.messages import MAX_MESSAGE_BYTES


def letter(
    key: bytes | None, original: bytes | None, reason: str = "expected an object", path: str = "$"
) -> DeadLetter:
    return DeadLetter(
        reason=reason,
        path=path,
        topic="interactions",
        partition=3,
        offset=17,
        key=key,
        original=original,
        failed_at=1.0,
    )


def test_it_carries_the_key_and_the_original_in_base64():
    sent = json.loads(letter(b"u1", b"\xff{").encode())
    assert (sent["key"], sent["original"]) == ("dTE=", "/3s=")


@pytest.mark.parametrize(
    ("key", "original"), [(b"u1", bytes(1_000_000)), (bytes(500_000), bytes(500_000))]
)
def test_what_would_not_fit_is_left_out_and_its_offset_tells_where_it_is(key, original):
    encoded = letter(key, original).encode()
    sent = json.loads(encoded)
    assert len(encoded) <= MAX_MESSAGE_BYTES
    assert (sent["key"], sent["original"], sent["offset"]) == (None, None, 17)


def test_a_message_without_a_value_has_no_original():
    assert json.loads(letter(b"u1", None).encode())["original"] is None


@given(
    st.integers(0, 2_000_000) | st.none(),
    st.integers(0, 2_000_000) | st.none(),
    st.text(st.characters(), min_size=1, max_size=5),
    st.integers(0, 500_000),
)
@settings(max_examples=40, deadline=None)
def test_it_fits_whatever_it_is_made_of(key, original, part, repeats):
    whole = letter(
        None if key is None else bytes(key),
        None if original is None else bytes(original),
        part * repeats,
        part * repeats,
    ).encode()
    sent = json.loads(whole)
    assert len(whole) <= MAX_MESSAGE_BYTES
    assert len(sent["reason"]) <= 1_000
    assert len(sent["path"]) <= 300
