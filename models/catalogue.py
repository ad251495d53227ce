"""Every model by name. To add one: its file, and a line here.

Reading the catalogue loads no framework; a builder is imported when it is asked for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Literal

from millstream.errors import ConfigurationError
from models.fields import Field


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    Args:
        name: unique.
        family: what it is built on.
        task: `ranking` builders give a `keras.Model`, `retrieval` builders a `TwoTower`.
        paper: where it is from.
        builder: `module:function`, called with fields and options.
        learns_online: whether the online trainer takes it.
    """

    name: str
    family: str
    task: Literal["ranking", "retrieval"]
    paper: str
    builder: str
    learns_online: bool = True

    def load(self) -> Callable[..., Any]:
        """The builder itself."""
        module, _, function = self.builder.partition(":")
        return getattr(import_module(module), function)


CATALOGUE: tuple[Entry, ...] = (
    Entry(
        "dcn_v2",
        "cross network",
        "ranking",
        "Wang et al., WWW 2021, https://arxiv.org/abs/2008.13535",
        "models.ranking.dcn_v2:dcn_v2",
    ),
    Entry(
        "deepfm",
        "factorisation",
        "ranking",
        "Guo et al., IJCAI 2017, https://arxiv.org/abs/1703.04247",
        "models.ranking.deepfm:deepfm",
    ),
    Entry(
        "two_tower",
        "two towers",
        "retrieval",
        "Yi et al., RecSys 2019, https://doi.org/10.1145/3298689.3346996",
        "models.retrieval.two_tower:two_tower",
    ),
)

_BY_NAME = {entry.name: entry for entry in CATALOGUE}


def find(name: str) -> Entry:
    """The entry of that name.

    Raises:
        ConfigurationError: there is none; the message names what is near, and all there are.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    near = get_close_matches(name.lower(), _BY_NAME, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(
        f"`name` must be a model of the catalogue: {', '.join(sorted(_BY_NAME))}.{hint} "
        f"Received: {name!r}."
    )


def build(name: str, fields: Iterable[Field], **options: Any) -> Any:
    """Build a model of the catalogue; `options` are those of its builder."""
    return find(name).load()(fields, **options)
