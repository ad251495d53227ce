"""What the workers behind one port answer operators with one voice."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, generate_latest

from serving.http.schemas import ReadyAnswer
from serving.workers.exposition import merged
from serving.workers.siblings import Siblings


class Together:
    """Metrics and readiness of all workers, whichever of them is asked.

    Args:
        registry: this worker's metrics.
        readiness: this worker's own.
        siblings: the others; None where there are none.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        readiness: Callable[[], ReadyAnswer],
        siblings: Siblings | None,
    ) -> None:
        self._registry, self._readiness, self._siblings = registry, readiness, siblings

    def answers(self) -> dict[str, Callable[[], bytes]]:
        """What this worker answers the others."""
        return {
            "metrics": lambda: generate_latest(self._registry),
            "ready": lambda: self._readiness().model_dump_json().encode(),
        }

    async def metrics(self) -> bytes:
        """In the Prometheus text format; of several workers each sample names its own."""
        own = generate_latest(self._registry)
        if self._siblings is None:
            return own
        pages = {self._siblings.number: own, **await self._siblings.ask("metrics")}
        return merged({number: page for number, page in sorted(pages.items()) if page is not None})

    async def readiness(self) -> ReadyAnswer:
        """Ready when all of them are; else as the one that is behind."""
        own = self._readiness()
        if self._siblings is None:
            return own
        found: dict[int, ReadyAnswer | None] = {self._siblings.number: own}
        for number, answer in (await self._siblings.ask("ready")).items():
            found[number] = None if answer is None else ReadyAnswer.model_validate_json(answer)
        return all_ready(found)


def all_ready(answers: Mapping[int, ReadyAnswer | None]) -> ReadyAnswer:
    """The readiness of all workers by their number; None is one that does not answer.

    Of the snapshots that they serve the oldest is named, of items the fewest, of recalls the least.
    """
    there = {number: answer for number, answer in answers.items() if answer is not None}
    waiting = [
        f"worker {number}: {what}"
        for number, answer in sorted(answers.items())
        for what in (["an answer"] if answer is None else answer.waiting_for)
    ]
    oldest = min(there.values(), key=lambda answer: int(answer.model_version or 0))
    recalls = [each.index_recall for each in there.values() if each.index_recall is not None]
    return ReadyAnswer(
        ready=len(there) == len(answers) and all(answer.ready for answer in there.values()),
        model_version=oldest.model_version,
        items=min(answer.items for answer in there.values()),
        score=oldest.score,
        index_recall=min(recalls, default=None),
        waiting_for=waiting,
    )
