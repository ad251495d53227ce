"""The first snapshot holds what was learnt, and the offset that its trainer is told."""

from pathlib import Path

from millstream.clock import SystemClock
from millstream.settings import Settings
from millstream.snapshots import SnapshotReader
from millstream.topics import EXAMPLES
from simulation.first_snapshot import FirstSnapshot
from stream.outputs.messages import messages
from tests.support.stream_cases import MemoryStream, interaction


def test_the_first_snapshot_names_where_its_trainer_goes_on(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        ranker="lr",
        retriever_options={"hidden": [8]},
        embedding_width=4,
    )
    first = FirstSnapshot(settings, SystemClock())
    assert first.publish("log-1", 0) is None  # nothing was learnt
    stream = MemoryStream()
    effects = stream.run(*(interaction(n, f"u{n % 3}", f"i{n % 4}") for n in range(12)))
    for message in messages(effects):
        if message.topic is EXAMPLES:
            first.learn(message.value)
    published = first.publish("log-1", 0)
    assert published is not None
    assert published.status == "published"
    assert first.examples == published.manifest.examples > 12

    reader = SnapshotReader(settings.snapshot_dir)
    manifest = reader.manifest(reader.latest() or 0)
    assert (manifest.log, manifest.offsets) == ("log-1", {settings.topic(EXAMPLES) + "-0": 0})
    assert manifest.source_marks == {"interactions-0": 11}
    reader.verify(manifest.version)
