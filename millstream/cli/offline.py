"""`millstream offline`: the upkeep of the offline store."""

import time

import click

from millstream import erasures
from millstream.erasures import Erasure
from millstream.redis_clients import redis_client
from millstream.settings import Settings, settings

# How long it is kept that somebody was erased, once nothing of them is left, seconds.
KEPT_S = 30 * 86_400


@click.group()
def offline() -> None:
    """Look after the offline store.

    \b
    Example:
      millstream offline compact
    """


@offline.command("compact")
def compact_files() -> None:
    """Merge small part files, and take out the rows of people who were erased.

    Run it once a day, at a quiet hour: it may run beside a stream worker, but not while one starts.
    Queries that read the files meanwhile may have to be repeated.

    \b
    Example:
      millstream offline compact
    """
    from features.spec import VIEWS
    from features.stores.compaction import compact
    from features.stores.erasure import erase

    chosen = settings()
    pending = erasures_of(chosen)
    times = {user: erasure.erased_at for user, erasure in pending.items()}
    for view in VIEWS:
        folder = chosen.offline_dir / view.name
        merged = compact(folder) if folder.is_dir() else []
        erased = erase(folder, view.key, times) if view.entity == "user" else 0
        click.echo(f"{view.name}: {len(merged)} files merged, {erased} rows of people erased")
    click.echo(f"{note_done(chosen, pending, time.time())} erasures done")


def erasures_of(chosen: Settings) -> dict[str, Erasure]:
    """All erasures that are remembered, by user id."""
    with redis_client(chosen.redis_url) as client:
        stored = client.execute_command("HGETALL", erasures.key(chosen.topic_prefix))
    return {user.decode(): erasures.decoded(value) for user, value in stored.items()}


def note_done(chosen: Settings, pending: dict[str, Erasure], now_s: float) -> int:
    """Note which erasures are done offline, after their rows were taken out; how many are new.

    Rows of before an erasure may still be on their way to the files: it is done when those have
    come as far as the message that asked for it. What was done long ago is forgotten.
    """
    import msgspec

    from features.spec import USER_ATTRIBUTES
    from features.stores.parts import merged, parts_in, read_newest_offsets

    folder = chosen.offline_dir / USER_ATTRIBUTES.name
    parts = parts_in(folder) if folder.is_dir() else []
    reached = merged(read_newest_offsets(folder / part.name) for part in parts)
    done, old = {}, []
    for user, erasure in pending.items():
        if erasure.offline_at is not None:
            old += [user] if now_s - erasure.offline_at > KEPT_S else []
        elif reached.get(erasure.source, -1) >= erasure.offset:
            done[user] = erasures.encoded(msgspec.structs.replace(erasure, offline_at=now_s))
    key = erasures.key(chosen.topic_prefix)
    with redis_client(chosen.redis_url) as client:
        if done:
            client.hset(key, mapping=done)
        if old:
            client.hdel(key, *old)
    return len(done)
