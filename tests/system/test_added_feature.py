"""Added features are put into what a worker without them has stored, from the log it worked on."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from redis import Redis

from features.feature import Entity
from features.spec import ITEM_STATS, USER_STATS
from features.stores.redis_online import RedisOnlineStore
from stream.history.added import AddedFeatures, Positions
from stream.ingest.records import EventRecord
from stream.outputs.effects import Effects
from stream.state.memory import Rules
from stream.storage.store import StateStore
from tests.support.stream_cases import MemoryStream, state_commands
from tests.unit.stream.history.test_engine import last_of, log
from tests.unit.stream.history.test_splice import loaded, stored_bytes, stored_without

COMMANDS = state_commands()
ADDED: dict[Entity, str] = {"user": "user_categories", "item": "item_popularity"}


async def test_values_are_as_if_the_features_had_been_there_from_the_start(
    redis_url: str, tmp_path: Path
) -> None:
    whole, stream = log(7), MemoryStream()

    def records(since: Positions, until: Positions) -> Iterator[EventRecord]:
        for record in whole:
            if since.get(record.source, 0) <= record.offset < until.get(record.source, 10**9):
                yield record

    with Redis.from_url(redis_url) as client:
        client.set(COMMANDS.key("epoch"), "me/1")
        store = StateStore(redis_url, COMMANDS, epoch="me/1")
        effects = [await worked(stream, whole[:60], store, client)]
        added = AddedFeatures(
            [*ADDED.values()], tmp_path / "work", Rules(), records, client, COMMANDS, {}, 2
        )
        outcome = added.work(ignore)
        assert outcome.scanned.events < 60 + 1
        effects.append(await worked(stream, whole[60:110], store, client))  # meanwhile
        before = client.hgetall(COMMANDS.key("dedupe"))
        again = StateStore(redis_url, COMMANDS, epoch="me/1")
        assert await added.finish(outcome, again, ignore) > 0
        assert await added.finish(outcome, again, ignore) == 0  # nothing lacks them any more
        again.close()
        assert client.hgetall(COMMANDS.key("dedupe")) == before
        for side, ids in touched(effects).items():
            known = stream.memory.users if side == "user" else stream.memory.items
            for name in ids:
                stored: Any = client.get(COMMANDS.key(f"{side}:{name}"))
                was, now = loaded(side, [stored_bytes(side, known[name]), stored])
                assert now.history.base == was.history.base
                assert now.history.states == was.history.states
        for view in (USER_STATS, ITEM_STATS):
            last = last_of(effects, view)
            (found,) = RedisOnlineStore(client, "millstream").read([(view, list(last))])
            assert {row[view.key]: row for row in found.to_pylist()} == last
        store.close()


async def worked(
    stream: MemoryStream, records: Sequence[EventRecord], store: StateStore, client: Redis
) -> Effects:
    """Work on records, and leave in Redis what a worker without the features would."""
    effects = stream.run_entries(records)
    await store.commit(effects)
    for side, ids in touched([effects]).items():
        known = stream.memory.users if side == "user" else stream.memory.items
        for name in ids:
            without = stored_without(side, known[name], ADDED[side])
            client.set(COMMANDS.key(f"{side}:{name}"), without)
    return effects


def touched(effects: Sequence[Effects]) -> dict[Entity, set[str]]:
    """Users and items that were written."""
    return {
        "user": {user for each in effects for user in each.state.users},
        "item": {item for each in effects for item in each.state.items},
    }


def ignore(name: str, done: int, total: int) -> None:
    """Nobody watches."""
