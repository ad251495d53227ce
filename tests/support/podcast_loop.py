"""The whole loop in the domain `podcasts`: a program, whose findings are JSON on standard output.

A process has one domain, so another one than that of the tests needs a process of its own.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from features.columns import Arrays
from features.derived import day_of_week, hour_of_day
from features.spec import FEATURES, model_inputs
from features.validation import event_of
from millstream.batches import decode_table
from millstream.demo.made_log import Size, made_log
from millstream.domain import domain
from millstream.errors import InvalidEvent
from millstream.events import AnyEvent, Interaction, ItemUpsert, UserUpsert
from millstream.ids import id64
from millstream.settings import Settings
from online_trainer.io.examples import ExampleBatch
from serving.catalogue.catalogue import Catalogue
from serving.catalogue.filters import Filters, Range, choosable, rangeable
from serving.model.served import ServedRanker, TaskScores
from serving.recommend.query import Query, Recommendation
from simulation.cadence import Cadence
from simulation.loop import Loop

START_S = 1_750_000_000.0
ITEMS, USERS = 8, 6
HOUR_S = 3_600.0
SETTINGS = Settings(
    ranker_options={"hidden": [8]}, retriever_options={"hidden": [8]}, embedding_width=4
)


def events() -> list[Any]:
    """Of even shows those listen that are even, and leave the others; each hears two of them."""
    made: list[Any] = []
    for n in range(ITEMS):
        item = ItemUpsert(
            event_id=f"item-{n}",
            event_time=START_S,
            item_id=f"i{n}",
            title=f"Show number {n}",
            categories=["odd" if n % 2 else "even"],
            attributes={
                "explicit": n % 2 == 0,
                "language": "en",
                "episode": n,
                "voice": [0.1 * n, 1.0, -2.0],
            },
        )
        made.append(item)
    made += [
        item_of("i7", leaves_at=START_S + 2 * HOUR_S),
        item_of("i8", opens_at=START_S + 3 * HOUR_S),
        item_of("i9", licensed=False),
    ]
    for n in range(USERS):
        made.append(
            UserUpsert(
                event_id=f"user-{n}",
                event_time=START_S,
                user_id=f"u{n}",
                attributes={"plan": "free", "devices": n, "taste": [n, 0.5]},
            )
        )
        did = (("listen", n % 2, 31.0), ("subscribe", 2 + n % 2, None), ("abandon", 1 - n % 2, 2.0))
        for place, (kind, item_number, value) in enumerate(did):
            made.append(
                Interaction(
                    event_id=f"event-{n}-{place}",
                    event_time=START_S + 10.0 + n + 10.0 * place,
                    user_id=f"u{n}",
                    item_id=f"i{item_number}",
                    kind=kind,
                    value=value,
                    context={"device": "phone"} if n == 0 else {},
                )
            )
    return made


def item_of(item_id: str, **attributes: Any) -> ItemUpsert:
    """A show that is not always available."""
    return ItemUpsert(
        event_id=f"times-{item_id}",
        event_time=START_S + 1.0,
        item_id=item_id,
        title=f"Show number {item_id[1:]}",
        categories=["odd"],
        attributes=attributes,
    )


async def context(loop: Loop, at_s: float) -> dict[str, Any]:
    """Inputs that a list was scored with, and that feedback to it was learnt with."""
    scored: list[Arrays] = []
    learnt: list[ExampleBatch] = []
    with keeping(scored, learnt):
        query = Query("u1", k=2, placement="again", context={"device": "television"})
        shown = await loop.ask(query, at_s)
        loop.send(
            Interaction(
                event_id="answer",
                event_time=at_s + 1.0,
                user_id="u1",
                item_id=shown.items[1].item_id,
                kind="subscribe",
                request_id=shown.request_id,
            )
        )
        await loop.tick(at_s + 2.0)
    inputs, batch = scored[-1], learnt[-1].batch.inputs
    key = id64(shown.items[1].item_id)
    place = inputs["item_id"].tolist().index(key)
    shared = {given.name for given in model_inputs() if given.side in ("user", "context")}
    return {
        "learnt": [origin for each in learnt for origin in each.origin.tolist()],
        "differ": [
            name
            for name, column in batch.items()
            if not np.array_equal(column[0], inputs[name][0 if name in shared else place])
        ],
        "vectors": [batch["user_taste"][0].tolist(), batch["item_voice"][0, 1:].tolist()],
        "device": [int(batch["context_device"][0]), id64("televisi")],
        "placement": [int(batch["context_placement"][0]), id64("again")],
    }


@contextmanager
def keeping(scored: list[Arrays], learnt: list[ExampleBatch]) -> Iterator[None]:
    """Keep what rankers score and what the trainer learns from."""
    score, encoded = ServedRanker.scores, ExampleBatch._encoded

    def scores(self: ServedRanker, inputs: Arrays) -> TaskScores:
        scored.append(inputs)
        return score(self, inputs)

    def of(table: Any) -> ExampleBatch:
        learnt.append(encoded(table))
        return learnt[-1]

    rankers = mock.patch.object(ServedRanker, "scores", scores)
    with rankers, mock.patch.object(ExampleBatch, "_encoded", staticmethod(of)):
        yield


async def available(loop: Loop, at_s: float) -> list[list[str]]:
    """Items in lists, in the index, and among which negatives are drawn, at a time."""
    await loop.tick(at_s)
    listed = await loop.ask(Query("nobody", k=20, placement="not_subscribed"), at_s)
    answering, known = loop.answering, loop.stream._memory.known_items
    rows = np.arange(len(answering.catalogue))
    has = answering.models.current.retriever.index.has(rows)
    return [
        sorted(place.item_id for place in listed.items),
        sorted(answering.catalogue.ids[row] for row in np.flatnonzero(has)),
        sorted(known.eligible),
    ]


def devices(batches: list[ExampleBatch]) -> dict[str, list[str]]:
    """Devices that examples were learnt with, by user."""
    known = {id64(text): text for text in ("phone", "unknown", *(f"u{n}" for n in range(USERS)))}
    found: dict[str, set[str]] = {}
    for each in batches:
        inputs = each.batch.inputs
        for user, device in zip(inputs["user_id"], inputs["context_device"], strict=True):
            found.setdefault(known[int(user)], set()).add(known[int(device)])
    return {user: sorted(each) for user, each in sorted(found.items())}


def refusal(**changes: Any) -> list[str]:
    """Path and reason of the error for an event with `changes`."""
    try:
        event_of({"event_id": "e", "event_time": START_S, **changes}, AnyEvent, START_S)
    except InvalidEvent as error:
        return [error.path, error.reason]
    return []


async def taught_by_feedback(loop: Loop, shown: Recommendation, now_s: float) -> list[list[Any]]:
    """Task, label and weight of the examples of a shown item that is heard, then subscribed to."""
    item, request = shown.items[0].item_id, shown.request_id
    for place, (kind, value) in enumerate((("listen", 45.0), ("subscribe", None))):
        loop.send(
            Interaction(
                event_id=f"feedback-{place}",
                event_time=START_S + 65.0 + place,
                user_id="u1",
                item_id=item,
                kind=kind,
                value=value,
                request_id=request,
            )
        )
    with mock.patch.object(loop.learning, "consume", wraps=loop.learning.consume) as consume:
        await loop.tick(now_s)
    messages = [each for call in consume.call_args_list for each in call.args[0]]
    rows = [row for each in messages for row in decode_table(each.value or b"").to_pylist()]
    return [
        [row["task"], row["label"], row["weight"]]
        for row in rows
        if row["origin"] == "impression" and row["item_id"] == item
    ]


def made() -> dict[str, Any]:
    """Kinds of a log that is made for this domain, and that the door takes all of it."""
    log = made_log(domain(), START_S, Size(events=300, users=20, items=20))
    sent = (*log.items, *log.users, *log.interactions)
    taken = [event_of(msgspec.to_builtins(event), AnyEvent, START_S) for event in sent]
    return {
        "kinds": sorted({event.kind for event in log.interactions}),
        "as sent": taken == [*sent],
        "devices": sorted({len(event.context) for event in log.interactions}),
    }


async def findings(folder: Path) -> dict[str, Any]:
    """Run the loop, and ask."""
    loop = Loop(SETTINGS, folder, Cadence(30.0), START_S)
    await loop.start()
    for event in events():
        loop.send(event)
    organic: list[ExampleBatch] = []
    with keeping([], organic):
        await loop.tick(START_S + 60.0)
    await loop.publish()
    all_fresh = await loop.ask(Query("u0", k=ITEMS - 2, explain=True), START_S + 61.0)
    explicit = Filters(ranges={"explicit": Range(at_least=1)})
    filtered = await loop.ask(Query("u1", k=ITEMS, filters=explicit), START_S + 62.0)
    again = await loop.ask(Query("u0", k=ITEMS, placement="again"), START_S + 63.0)
    of_list = await context(loop, START_S + 65.0)
    taught = await taught_by_feedback(loop, filtered, START_S + 70.0)
    left_out = Query("u0", k=ITEMS, placement="not_subscribed")
    within = await loop.ask(left_out, START_S + 20.0 + HOUR_S)
    after = await loop.ask(left_out, START_S + 20.0 + 1.3 * HOUR_S)
    times = [await available(loop, START_S + hours * HOUR_S) for hours in (1.9, 2.0, 3.0)]
    remembered = sorted({*loop.stream._memory.known_items.items} - {""})
    english = Query("u3", k=20, filters=Filters(values={"language": ["en", "fr"]}))
    spoken = await loop.ask(english, loop.clock.now())
    loop.close()
    interaction = {"type": "interaction", "user_id": "u", "item_id": "i"}
    item = {"type": "item", "item_id": "i"}
    return {
        "columns": [feature.name for feature in FEATURES],
        "inputs": [given.name for given in model_inputs()],
        "refused examples": loop.learning.refused,
        "model": all_fresh.model_version,
        "degraded": [*all_fresh.degraded, *again.degraded],
        "fresh": sorted(place.item_id for place in all_fresh.items),
        "title": all_fresh.items[0].title,
        "logged": sorted({*all_fresh.items[0].features, *all_fresh.user_features}),
        "again": [place.item_id for place in again.items],
        "sources": sorted({source for place in again.items for source in place.sources}),
        "not subscribed": [sorted(p.item_id for p in each.items) for each in (within, after)],
        "available": times,
        "context": of_list,
        "organic devices": devices(organic),
        "remembered": remembered,
        "taught": taught,
        "task scores": all_fresh.items[0].task_scores,
        "heard": all_fresh.user_features["user_heard"],
        "heard at": [t - START_S for t in all_fresh.user_features["user_heard_times"]],
        "longest": all_fresh.user_features["user_longest"],
        "explicit": sorted(place.item_id for place in filtered.items),
        "rangeable": rangeable(Catalogue()),
        "choosable": choosable(Catalogue()),
        "english": sorted(place.item_id for place in spoken.items),
        "clock": [int(each(np.array([START_S]))[0]) for each in (hour_of_day, day_of_week)],
        "made": made(),
        "no kind": refusal(**interaction, kind="lisen"),
        "no value": refusal(**interaction, kind="listen"),
        "no attribute": refusal(**item, attributes={"release_year": 1999}),
        "no vector": refusal(**item, attributes={"voice": [0.5, 1.0]}),
        "no truth": refusal(**item, attributes={"explicit": "perhaps"}),
        "sensitive": refusal(**item, attributes={"language": ["secret"]}),
    }


if __name__ == "__main__":
    json.dump(asyncio.run(findings(Path(sys.argv[1]))), sys.stdout)
