"""Events that something happened to on their way: wrong bytes, values, names and shapes."""

import random
import re
from collections import Counter
from collections.abc import Iterator

import httpx

from features.validation import check
from millstream.codec import decode, encode
from stream.ingest.decode import entries_of
from stream.ingest.records import EventRecord, SourceRecord, TopicPartition
from tests.support.serving_api import Broker

NOW_S = 1.8e9
# Route, topic, and an event of each kind, as a producer may write it.
WHOLE: tuple[tuple[str, str, bytes], ...] = (
    (
        "POST /v1/events",
        "interactions",
        b'{"type":"interaction","event_id":"e1","event_time":1750000000.5,"user_id":"ann",'
        b'"item_id":"lamp","kind":"rating","value":4.5,"request_id":"r1",'
        b'"context":{"device":"phone","page":2}}',
    ),
    (
        "POST /v1/events",
        "impressions",
        b'{"type":"impression","event_id":"e2","event_time":"2025-06-15T12:00:00Z","user_id":"ann",'
        b'"request_id":"r1","user_features":{"user_age":31.0},"items":[{"item_id":"lamp",'
        b'"position":0,"score":0.5,"propensity":0.25,"features":{"item_popularity":3.0}}]}',
    ),
    (
        "POST /v1/events",
        "users",
        b'{"type":"user","event_id":"e3","event_time":1750000000,"user_id":"ann",'
        b'"attributes":{"age":31,"occupation":"writer"}}',
    ),
    (
        "PUT /v1/items",
        "items",
        b'{"type":"item","event_id":"e4","event_time":1750000000,"item_id":"lamp","title":"A lamp",'
        b'"categories":["a","b"],"attributes":{"release_year":1999},"hidden":false}',
    ),
)
VALUES = (
    *(b"null", b"true", b"-0", b"-1", b"0.1", b"1e400", b"-1e309", b"1e-400", b"NaN", b"Infinity"),
    *(b"9" * 400, b"1e39", b"1796027400000", b"2147483648", b"18446744073709551616"),
    *(b'""', b'"nan"', b'"1e39"', b'"__probe-1"', b'"\\ud800"', b'"\\u0000"', b'"\\n"', b'"\xff"'),
    *(b'"2016-12-31T23:59:60Z"', b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59+14:00"'),
    *(b"[]", b"{}", b"[[]]", b'{"a":{}}', b"[" * 40 + b"]" * 40, b'{"a":' * 900, b"[" * 5_000),
    *(b'"' + b"x" * 2_000 + b'"', b'"' + b"y" * 600_000 + b'"', b"[" + b"1," * 5_000 + b"1]"),
)
_VALUE = re.compile(rb'(?<=[:\[,])("[^"]*"|-?[\d.]+|true|false|null)(?=[,\]}])')
_NAME = re.compile(rb'"\w+"(?=:)')


def mutants(count: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Route, topic and bytes of `count` events, each wrong in one way or in several."""
    rng = random.Random(seed)
    for _ in range(count):
        route, topic, value = rng.choice(WHOLE)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            value = rng.choice(_CHANGES)(value, rng)
        yield route, topic, value


def _other_value(value: bytes, rng: random.Random) -> bytes:
    return _replaced(value, _VALUE, rng.choice(VALUES), rng)


def _other_name(value: bytes, rng: random.Random) -> bytes:
    names = (b'"kind"', b'"knid"', b'"\\udc00"', b'""', b'"is_probe"', b'"event_id"', b'"items"')
    return _replaced(value, _NAME, rng.choice(names), rng)


def _other_bytes(value: bytes, rng: random.Random) -> bytes:
    content = bytearray(value)
    for _ in range(rng.randint(1, 8)):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def _other_length(value: bytes, rng: random.Random) -> bytes:
    at, length = rng.randint(0, len(value)), rng.randint(1, 60)
    piece = value[at : at + length]
    return rng.choice((value[:at], value[:at] + value[at + length :], value[:at] + piece * 2))


def _wrapped(value: bytes, rng: random.Random) -> bytes:
    around = ((b"[", b"]"), (b"[[", b"]]"), (b'{"a":', b"}"), (b"\xef\xbb\xbf", b""), (b"", b"{}"))
    before, after = rng.choice(around)
    return before + value + after


_CHANGES = (
    _other_value,
    _other_value,
    _other_value,
    _other_name,
    _other_bytes,
    _other_length,
    _wrapped,
)


def _replaced(value: bytes, what: re.Pattern[bytes], by: bytes, rng: random.Random) -> bytes:
    places = list(what.finditer(value))
    if not places:
        return value
    begin, end = rng.choice(places).span()
    return value[:begin] + by + value[end:]


async def fuzz_events(
    http: httpx.AsyncClient, broker: Broker, count: int, seed: int
) -> tuple[Counter[int], Counter[str]]:
    """Send mutants to the API and to the stream's decoder.

    Returns:
        Answers by status, and what the decoder made of them: "taken" or "refused".

    Raises:
        AssertionError: an answer is a 5xx, the decoder loses a record, or what was answered 202 is
            refused by the stream; says which bytes.
    """
    statuses: Counter[int] = Counter()
    decoded: Counter[str] = Counter()
    for number, (route, topic, value) in enumerate(mutants(count, seed)):
        method, path = route.split()
        answer = await http.request(method, path, content=value)
        statuses[answer.status_code] += 1
        assert answer.status_code < 500, (answer.status_code, answer.text, value[:2_000])
        for event in broker.events:
            check(decode(encode(event), type(event)), event.event_time)
        broker.events.clear()
        record = SourceRecord(TopicPartition(topic, 0), number, b"ann", value, NOW_S)
        (found,) = entries_of([record], NOW_S)
        decoded["taken" if isinstance(found, EventRecord) else "refused"] += 1
    return statuses, decoded
