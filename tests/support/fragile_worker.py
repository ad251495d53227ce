"""A stream worker that ends between what it publishes and what it commits, now and then.

    python -m tests.support.fragile_worker SHARE SEED

SHARE of the batches that have anything end the process, as SIGKILL would.
"""

import os
import sys
from random import Random

from millstream.settings import Settings
from stream import main
from stream.outputs.effects import Effects
from stream.storage.assigned_store import AssignedStore


def break_commits(share: float, seed: int) -> None:
    """Let commits end this process."""
    random, commit = Random(seed), AssignedStore.commit

    async def fragile(store: AssignedStore, effects: Effects) -> None:
        if (effects.touches or effects.examples) and random.random() < share:
            os._exit(9)
        await commit(store, effects)

    setattr(AssignedStore, "commit", fragile)  # noqa: B010


if __name__ == "__main__":
    break_commits(float(sys.argv[1]), int(sys.argv[2]))
    main.main(Settings())
