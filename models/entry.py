"""Catalogue entry of one model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, Literal

from millstream.domain import project_folder
from millstream.own_code import load
from models.rows import RowInit


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    Args:
        name: unique.
        family: what it is built on.
        task: `ranking` builders give a `keras.Model`, `retrieval` builders a `RetrievalModel`,
            `autoencoder` builders an `Autoencoder`, `multi_task` builders a `keras.Model` with an
            output for each task, by its name; `matrix` builders take options alone and give a
            `MatrixModel`.
        paper: where it is from.
        builder: `module:function`, called with fields and options.
        options: that make this model of what the builder can build.
        optimisers: that its paper gives to weights by the prefix of their layer; see
            `models.optimisers`.
        learning_rate: of Adam, where a run names none.
        l2: penalty on its embedding rows where a run names none. An MLP makes up for rows that
            shrink; sums of products of rows shrink to nothing.
        row_init: how rows begin of ids whose field does not say. A network that sees nothing but
            products of rows needs them larger: products near 0 leave its hidden units to the
            bias, and most of them die before a product is learnt.
        initialize_from: models whose weights it begins with, and the `module:function` that copies
            them, called with both networks.
        loss: of next-item models, learnt from a file of sequences, where a run names none; see
            `models.sequences.losses`.
        learns_online: whether the online trainer takes it by name.
        needs_groups: whether it learns the order within groups, which a dataset must then have.
        learns_pairs: whether it can learn what two fields mean together.
        is_own: whether it is the project's own: its module is found in the project's folder.
    """

    name: str
    family: str
    task: Literal["ranking", "retrieval", "matrix", "autoencoder", "multi_task"]
    paper: str
    builder: str
    options: Mapping[str, Any] = field(default_factory=dict)
    optimisers: Mapping[str, str] = field(default_factory=dict)
    learning_rate: float = 1e-2
    l2: float = 1e-3
    row_init: RowInit = field(default_factory=RowInit)
    initialize_from: Mapping[str, str] = field(default_factory=dict)
    loss: str = ""
    learns_online: bool = True
    needs_groups: bool = False
    learns_pairs: bool = True
    is_own: bool = False

    def load(self) -> Callable[..., Any]:
        """The builder itself, which does not know of `options`."""
        if self.is_own:
            builder: Callable[..., Any] = load(self.builder, project_folder())
            return builder
        return _imported(self.builder)

    def copiers(self) -> dict[str, Callable[..., None]]:
        """By the model it begins from: what copies that one's weights."""
        return {name: _imported(function) for name, function in self.initialize_from.items()}

    def defaults(self) -> dict[str, Any]:
        """Every option with its default for this model."""
        options = signature(self.load()).parameters.values()
        return {
            option.name: self.options.get(option.name, option.default)
            for option in options
            if option.kind is Parameter.KEYWORD_ONLY
        }


def _imported(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    return getattr(import_module(module), function)
