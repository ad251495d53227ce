"""`millstream doctor` on a real broker and a real Redis, with and without workers."""

import json

from tests.support.eventually import eventually
from tests.support.installation import Installation


def doctor(installation: Installation, **environment: str) -> tuple[int, dict[str, list[str]]]:
    """Its exit code, and what it found: texts by level."""
    done = installation.command("doctor", "--json", environment=environment)
    found: dict[str, list[str]] = {}
    for each in json.loads(done.stdout)["findings"]:
        found.setdefault(each["level"], []).append(f"{each['part']}: {each['text']}")
    return done.returncode, found


def test_it_tells_a_working_installation_from_one_that_is_not(installation):
    code, found = doctor(installation)
    assert code == 2
    assert found["FAIL"] == ["Stream: No stream worker is active"]

    installation.run("stream", ready=installation.stream_listens)

    def is_assigned() -> bool:
        return any("active: " in each for each in doctor(installation)[1]["OK"])

    eventually(is_assigned, "a stream worker with all partitions", timeout_s=90)
    code, found = doctor(installation)
    assert code == 1
    # No trainer and no serving worker run; that alone is no fault.
    assert {each.partition(":")[0] for each in found["WARN"]} == {"Snapshots", "Serving"}
    assert any("active: " in each for each in found["OK"])
    assert "Stream: 0 records behind" in found["OK"]

    code, found = doctor(
        installation, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", REDIS_URL="redis://127.0.0.1:1/0"
    )
    assert code == 2
    assert {each.partition(":")[0] for each in found["FAIL"]} == {"Kafka", "Redis"}

    code, found = doctor(installation, MILLSTREAM_BATCH_SIZE="many")
    assert code == 2
    assert "batch_size" in found["FAIL"][0]
