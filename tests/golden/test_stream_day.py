"""A small day of events, and what the stream makes of it, to the last digit.

python -m tests.golden.test_stream_day   # writes the expected file anew; read the difference
"""

import json
from pathlib import Path
from typing import Any

from millstream.events import Event
from tests.support.stream_cases import (
    MemoryStream,
    examples_of,
    feature_rows_of,
    impression,
    interaction,
    item_upsert,
    user_upsert,
)

EXPECTED = Path(__file__).with_name("stream_day.json")
MOMENT = ("published_at", "created")


def morning() -> list[Event]:
    """The catalogue, the accounts, and a list that is shown at ten."""
    return [
        item_upsert(0, "heat", title="Heat", categories=["crime", "drama"]),
        item_upsert(
            0, "alien", title="Alien", categories=["horror"], attributes={"release_year": 1979}
        ),
        item_upsert(0, "hidden", hidden=True),
        user_upsert(0, "ann", age=31, gender="F"),
        impression(36_000, "list-1", ["heat", "alien"], user="ann", user_features={"user_age": 31}),
    ]


def afternoon() -> list[Event | bytes]:
    """Feedback, a late click, a click twice, a rating, nonsense."""
    click = interaction(36_100, "bob", "heat")
    return [
        interaction(36_010, "ann", "alien", request_id="list-1"),
        click,
        click,
        interaction(36_095, "bob", "alien", kind="rating", value=3.0),
        interaction(36_200, "ann", "heat", kind="view"),
        b'{"type":"interaction"}',
    ]


def outcome() -> dict[str, Any]:
    """Everything that the day causes, without the moment at which it was worked on."""
    stream = MemoryStream(join_window_s=900.0, allowed_lateness_s=10.0, sampled_negatives=1)
    stream.run(*morning(), now=36_001.0)
    effects = stream.run(*afternoon(), now=36_201.0)
    evening = stream.fall_silent(now=40_001.0)
    return {
        "counts": {f"{kind} {what}": n for (kind, what), n in sorted(effects.counts.items())},
        "examples": _plain(examples_of(effects)),
        "user_stats": _plain(feature_rows_of(effects, "user_stats")),
        "item_stats": _plain(feature_rows_of(effects, "item_stats")),
        "closed lists": _plain(examples_of(evening, "impressions")),
        "dead letters": [
            {"path": letter.path, "reason": letter.reason} for letter in effects.dead_letters
        ],
    }


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [{name: value for name, value in row.items() if name not in MOMENT} for row in rows]
    return json.loads(json.dumps(kept, default=str))


def test_a_day_of_events_makes_what_it_always_made():
    assert outcome() == json.loads(EXPECTED.read_text())


if __name__ == "__main__":
    EXPECTED.write_text(json.dumps(outcome(), indent=1, ensure_ascii=False) + "\n")
