"""The log that `millstream demo` streams: a dataset by name, files, or one that is made."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from millstream.demo.log import DemoLog
from millstream.demo.made_log import made_log
from millstream.domain import domain
from millstream.errors import DatasetError
from millstream.events import Event, Interaction, ItemUpsert, UserUpsert
from millstream.settings import settings

ML_100K = "ml-100k"
Upsert = TypeVar("Upsert", ItemUpsert, UserUpsert)


def demo_log(
    data: Sequence[str],
    items: Sequence[Path] = (),
    users: Sequence[Path] = (),
    renamed: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
) -> DemoLog:
    """The log that options name, oldest first; of no `data` one made in the domain's words.

    Args:
        data: files of interactions, which may hold upserts too, or `ml-100k`.
        renamed, constants: of the columns of `data`, see `millstream.event_files.EventTable`.

    Raises:
        DatasetError: a file is not there or cannot be read, or has no interaction.
    """
    if not data:
        return made_log(domain(), time.time())
    if ML_100K in data:
        return movie_lens()
    files = [Path(name) for name in data]
    events = _events(files, "interaction", renamed, constants)
    interactions = sorted(
        (event for event in events if isinstance(event, Interaction)),
        key=lambda event: event.event_time,
    )
    if not interactions:
        raise DatasetError(f"{files[0]} must have interactions. Received: none.")
    upserts = [*events, *_events(items, "item"), *_events(users, "user")]
    began_s = interactions[0].event_time
    return DemoLog(
        ", ".join(file.name for file in files),
        [_known_by(began_s, each) for each in upserts if isinstance(each, ItemUpsert)],
        [_known_by(began_s, each) for each in upserts if isinstance(each, UserUpsert)],
        interactions,
    )


def movie_lens() -> DemoLog:
    """MovieLens-100K, in the words of the template `films`."""
    from millstream.datasets.ml_100k import load

    found = load()
    interactions = list(found.interactions())
    return DemoLog("MovieLens-100K", list(found.items()), list(found.users()), interactions)


def _events(
    files: Sequence[Path],
    kind: Literal["interaction", "item", "user"],
    renamed: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
) -> list[Event]:
    from features.topic_events import door
    from stream.history.log_files import LogFile
    from stream.history.sources import FileEvents

    if not files:
        return []
    chosen = settings()
    let_in = door(chosen.max_event_bytes, chosen.unknown_fields)
    logs = [LogFile(file, kind) for file in files]
    records = FileEvents(logs, let_in, dict(renamed or {}), dict(constants or {}))
    return [record.event for record in records]


def _known_by(time_s: float, event: Upsert) -> Upsert:
    """The upsert, stated before the log begins, so that what it says is as old as it was then."""
    return msgspec.structs.replace(event, event_time=min(event.event_time, time_s))
