"""The network of a retriever from its configuration, as a snapshot's manifest names it.

    {"name": "two_tower", "embedding_width": 16, "options": {...}}

`options` may be left out; those of an autoencoder are its builder's and those of `Reconstruction`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from millstream.errors import ConfigurationError
from models.catalogue import build, find
from models.fields import Field
from models.retrieval.model import RetrievalModel

LEARNING = ("loss", "confidence", "divergence", "annealing_steps")


def retrieval_model(config: Mapping[str, Any], fields: Iterable[Field]) -> RetrievalModel:
    """Both sides of a retriever, and what trains them.

    Raises:
        ConfigurationError: no such model or option, or fields that do not fit it.
    """
    fields, name = tuple(fields), config["name"]
    entry, options = find(name), dict(config.get("options", {}))
    if entry.task != "autoencoder":
        found: RetrievalModel = build(name, fields, **options)
        return found
    from models.autoencoders.online import online

    legal = [*entry.defaults(), *LEARNING]
    if unknown := sorted(set(options) - set(legal)):
        raise ConfigurationError(
            f"Options of {name!r} must be among {sorted(legal)}. Received: {unknown}."
        )
    learning = {option: options.pop(option) for option in LEARNING if option in options}
    return online(build(name, fields, **options), fields, **learning)
