"""The manifest: what a snapshot is, what it has learnt up to, and how to check its files."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from millstream.errors import SnapshotCorrupt
from millstream.snapshots.signature import InputSignature, Signatures

FILE_NAME = "manifest.json"
FORMAT_VERSION = 1

Kind = Literal["full", "delta"]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One snapshot.

    Args:
        version: counts up from 1.
        kind: `full` stands alone; `delta` needs its `parent`.
        created_at: Unix seconds.
        trained_through_event_time: the latest event time learnt from, Unix seconds.
        examples: how many examples have been learnt from since the very first.
        offsets: next Kafka offset to read, by `topic-partition` of the trainer's input.
        log: which log those offsets are of (`millstream.log_identity`); "" is not known.
        source_marks: highest source offset seen, by `topic@log-partition` of the stream's input.
        spec_hash: of `features/spec.py`.
        inputs: of the models, in the order in which their networks take them; empty in a snapshot
            of before they were named, which holds for its `spec_hash` alone.
        code_version: of Millstream.
        models: the configuration of each model, by its role (`ranker`, `retriever`).
        metrics: progressive quality at this moment.
        extra: what else the trainer wants to find again or serving wants to know.
        checksums: SHA-256 by file name.
    """

    version: int
    kind: Kind
    created_at: float
    parent: int | None = None
    trained_through_event_time: float = 0.0
    examples: int = 0
    offsets: dict[str, int] = {}
    log: str = ""
    source_marks: dict[str, int] = {}
    spec_hash: str = ""
    inputs: tuple[InputSignature, ...] = ()
    code_version: str = ""
    models: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    extra: dict[str, Any] = {}
    checksums: dict[str, str] = {}
    format_version: int = FORMAT_VERSION

    def inputs_or(self, inputs: Signatures, spec_hash: str) -> Signatures | None:
        """Its inputs; where it names none, those of the code whose `spec_hash` it has, or None.

        Args:
            inputs: of this code.
            spec_hash: of this code.
        """
        if self.inputs:
            return self.inputs
        return inputs if self.spec_hash == spec_hash else None

    @property
    def is_held(self) -> bool:
        """True if the gate refused it: it is not served unless an operator forces it."""
        return bool(self.extra.get("status") == "held")

    @property
    def held_because(self) -> str:
        """The gate's objections; empty where it had none."""
        return str(self.extra.get("reason", "")) if self.is_held else ""


def directory_name(version: int) -> str:
    """`v00000012`: sorts as its number does."""
    return f"v{version:08d}"


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the snapshot in `directory`.

    Raises:
        SnapshotCorrupt: it is missing, or not a manifest of a format that this code reads.
    """
    try:
        manifest = msgspec.json.decode((directory / FILE_NAME).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotCorrupt(f"No readable manifest in {directory}: {error}") from error
    if manifest.format_version != FORMAT_VERSION:
        raise SnapshotCorrupt(
            f"Expected snapshot format {FORMAT_VERSION}. Received: {manifest.format_version} "
            f"in {directory}."
        )
    return manifest
