"""The idiomatic Faust program that `bench_stream.py` measures beside ours.

One agent, one JSON record at a time, one table with a counter per user: far less than our worker
does, the way Faust's documentation does it. Prints how many events it has counted, every second.

    python -m tests.support.faust_rival BOOTSTRAP_SERVERS TOPIC PARTITIONS FOLDER
"""

import sys
import time
from typing import Any

import faust


def build(servers: str, topic: str, partitions: int, folder: str) -> faust.App:
    """The app."""
    app = faust.App(
        f"{topic}-rival",
        broker=f"kafka://{servers}",
        store="memory://",
        datadir=folder,
        web_enabled=False,
        topic_partitions=partitions,
        topic_replication_factor=1,
        stream_wait_empty=False,
    )
    counts = app.Table("counts", default=int, partitions=partitions)
    seen = {"events": 0, "reported_at": 0.0}

    @app.agent(app.topic(topic, value_serializer="json"))
    async def count(stream: Any) -> None:
        async for event in stream:
            counts[event["user_id"]] += 1
            seen["events"] += 1
            if time.monotonic() - seen["reported_at"] > 0.1:
                seen["reported_at"] = time.monotonic()
                sys.stdout.write(f"{seen['events']}\n")
                sys.stdout.flush()

    return app


if __name__ == "__main__":
    servers_, topic_, partitions_, folder_ = sys.argv[1:]
    app_ = build(servers_, topic_, int(partitions_), folder_)
    worker = faust.Worker(app_, loglevel="error", quiet=True, redirect_stdouts=False)
    worker.execute_from_commandline()
