"""Replays a log through the loop and the baselines: first asked, then told."""

from collections.abc import Callable, Sequence
from math import floor, inf
from pathlib import Path

import numpy as np

from millstream.settings import Settings
from serving.recommend.query import Query, Recommendation
from serving.recommend.request import Ranked
from serving.retrieval.source import RetrievalRequest
from simulation import loop_state
from simulation.baselines.baseline import BaselineRecommender, Moment
from simulation.checkpoint import Checkpoints
from simulation.impressions import judged
from simulation.judging import NOT_FOUND, rank_of
from simulation.loop import Loop
from simulation.outcome import LOOP, Outcome
from simulation.plan import BacktestPlan
from simulation.sessions import OpenSessions
from simulation.watching import stages

# What changes while a log is replayed, beside the loop.
_STATE = (
    "outcome",
    "_baselines",
    "_sessions",
    "_told",
    "_sent",
    "_upserts_sent",
    "_shown",
    "_first_session",
    "_seen_items",
)


class Backtest:
    """A run in progress.

    Args:
        settings: of the loop.
        folder: for its snapshots; empty.
        baselines: asked and told beside it.
        progress: told how many events are done, now and then.
        with_loop: False asks the baselines alone.
        checkpoints: kept now and then; None keeps none.
    """

    def __init__(
        self,
        plan: BacktestPlan,
        settings: Settings,
        folder: Path,
        baselines: Sequence[BaselineRecommender] = (),
        progress: Callable[[int], None] = lambda done: None,
        with_loop: bool = True,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.plan, self.outcome = plan, Outcome()
        self._checkpoints = checkpoints
        self._baselines, self._progress = baselines, progress
        self._sessions = OpenSessions()
        log = plan.log
        self._number = {item: n for n, item in enumerate(log.item_ids)}
        # Lists that were shown are told beside the upserts: the stream sees what people saw.
        beside = [*plan.upserts, *plan.impressions]
        self._upserts = sorted(beside, key=lambda event: event.event_time)
        self._told, self._sent, self._upserts_sent, self._shown = 0, 0, 0, 0
        # The session in which each user was met first.
        self._first_session = np.full(len(log.user_ids), NOT_FOUND)
        self._seen_items = np.zeros(len(log.item_ids), np.bool_)
        self._watched: tuple[RetrievalRequest, Ranked] | None = None
        self.loop: Loop | None = None
        if with_loop and len(log):
            start_s = min([log.times[0], *(e.event_time for e in self._upserts[:1])])
            # Logged lists are judged by the best that the loop has: without exploration.
            best = {"exploration": 0.0, "exploration_temperature": None} if plan.impressions else {}
            self.loop = Loop(
                settings.model_copy(update=best),
                folder,
                plan.cadence,
                float(start_s),
                log=lambda impression: None,
                watch=self._watch,
                seed=plan.seed,
            )
            self.outcome.weights = self.loop.answering.retrieval.weights

    async def run(self, goes_on: bool = False) -> Outcome:
        """Replay the whole log.

        Args:
            goes_on: from the checkpoint.
        """
        log, asked = self.plan.log, self.plan.asked
        if self.loop is not None:
            await self.loop.start()
        if goes_on:
            self._restore()
        for place in range(self._told, len(log)):
            self._keep()
            now_s = float(log.times[place])
            if self.loop is not None:
                await self._judge_shown(self.loop, now_s)
                await self._advance(self.loop, now_s)
            if asked[place]:
                await self._ask(place)
            if self.loop is not None:
                self.loop.clock.set(max(now_s, self.loop.clock.now()))
                await self.loop.answering.note(log.event(place), self._told_of(place))
            self._tell(place)
            if place % 1_000 == 0:
                self._progress(place)
        if self.loop is not None:
            await self._judge_shown(self.loop, inf)
            await self._advance(self.loop, inf)
            self.loop.close()
        self._progress(len(log))
        return self.outcome

    async def _judge_shown(self, loop: Loop, until_s: float) -> None:
        """Judge the logged lists of before `until_s`, each at its time."""
        shown = self.plan.impressions
        while self._shown < len(shown) and (now_s := shown[self._shown].event_time) < until_s:
            each, number = shown[self._shown], self._shown
            await self._advance(loop, now_s)
            query = Query(each.user_id, len(each.items), context=each.context)
            made = await self._list(loop, query, now_s)
            listed = [self._number[item.item_id] for item in made.items]
            self.outcome.judged.append(
                judged(number, each, listed, self._number, self.plan.rewards)
            )
            self._shown += 1

    async def _list(self, loop: Loop, query: Query, now_s: float) -> Recommendation:
        if loop.answering.models.current is None:
            await loop.publish()
        return await loop.ask(query, max(now_s, loop.clock.now()))

    async def _advance(self, loop: Loop, until_s: float) -> None:
        """Tick at the multiples of the batch interval up to `until_s` where something waits."""
        step, delay = self.plan.cadence.batch_s, self.plan.cadence.feature_delay_s
        while (oldest := self._next_time()) + delay < until_s:
            tick_s = (floor((oldest + delay) / step) + 1) * step
            if tick_s > until_s:
                return
            self._send(loop, tick_s - delay)
            await loop.tick(tick_s)

    def _next_time(self) -> float:
        """Time of the oldest event that was told and not sent yet."""
        waiting = [self.plan.log.times[self._sent]] if self._sent < self._told else []
        if self._upserts_sent < len(self._upserts):
            waiting.append(self._upserts[self._upserts_sent].event_time)
        return min(waiting, default=inf)

    def _send(self, loop: Loop, before_s: float) -> None:
        """Everything from before `before_s`, upserts first."""
        upserts, log = self._upserts, self.plan.log
        while self._upserts_sent < len(upserts):
            upsert = upserts[self._upserts_sent]
            if upsert.event_time >= before_s:
                break
            loop.send(upsert)
            self._upserts_sent += 1
        while self._sent < self._told and log.times[self._sent] < before_s:
            loop.send(log.event(self._sent))
            self._sent += 1

    async def _ask(self, place: int) -> None:
        log, k, outcome = self.plan.log, self.plan.k, self.outcome
        target, user = int(log.items[place]), int(log.users[place])
        moment = self._moment(place)
        outcome.places.append(place)
        outcome.known_user.append(
            bool(self._first_session[user] not in (NOT_FOUND, log.sessions[place]))
        )
        outcome.known_item.append(bool(self._seen_items[target]))
        for baseline in self._baselines:
            outcome.answered(baseline.name, rank_of(target, baseline.rank(moment, k)))
        if self.loop is not None:
            told, context = self._told_of(place), log.event(place).context
            query = Query(log.user_ids[user], k, context, recent_items=told)
            await self._ask_loop(self.loop, query, moment, target)

    async def _ask_loop(self, loop: Loop, query: Query, moment: Moment, target: int) -> None:
        log, outcome = self.plan.log, self.outcome
        made = await self._list(loop, query, moment.time_s)
        listed = np.array([self._number[item.item_id] for item in made.items], np.int64)
        outcome.lists.append(listed)
        rank = rank_of(target, listed)
        outcome.answered(LOOP, rank)
        outcome.found_by.append(() if rank == NOT_FOUND else tuple(made.items[rank].sources))
        outcome.degraded.append(",".join(made.degraded))
        row = loop.answering.catalogue.row(log.item_ids[target])
        if self._watched is not None:
            found = stages(
                *self._watched, loop.answering.retrieval, NOT_FOUND if row is None else row
            )
            outcome.stages.append(found)

    def _tell(self, place: int) -> None:
        """The event has happened: from now on it may be known."""
        log, moment = self.plan.log, self._moment(place)
        item = int(log.items[place])
        if log.positive[place]:
            for baseline in self._baselines:
                baseline.tell(moment, item)
        self._sessions.add(moment.session, item)
        self._seen_items[item] = True
        if self._first_session[moment.user] == NOT_FOUND:
            self._first_session[moment.user] = moment.session
        self._told = place + 1

    def _told_of(self, place: int) -> list[str]:
        """The items that a question says the session met last, newest first."""
        newest = self._moment(place).items[::-1][: self.plan.recent_items]
        return [self.plan.log.item_ids[item] for item in newest]

    def _moment(self, place: int) -> Moment:
        log = self.plan.log
        session = int(log.sessions[place])
        items = self._sessions.items(session)
        return Moment(float(log.times[place]), int(log.users[place]), session, items)

    def _watch(self, wanted: RetrievalRequest, ranked: Ranked) -> None:
        self._watched = (wanted, ranked)

    def _keep(self) -> None:
        """Make a checkpoint, if one is due."""
        if self._checkpoints is not None and self.loop is not None and self._checkpoints.is_due():
            state = {name: getattr(self, name) for name in _STATE}
            loop = self.loop
            self._checkpoints.save(lambda to: loop_state.dump(loop, state, to))

    def _restore(self) -> None:
        assert self._checkpoints is not None and self.loop is not None
        loop = self.loop
        vars(self).update(self._checkpoints.read(lambda source: loop_state.load(loop, source)))
