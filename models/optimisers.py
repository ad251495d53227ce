"""Several optimisers in one: each weight has that of the longest prefix of its path.

The layers of embedding tables are called `embedding.<table>`, those of first-order weights
`linear.<table>`; see `models.layers.field_embedding`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from millstream.errors import ConfigurationError


def longest_prefix(path: str, prefixes: Iterable[str]) -> str | None:
    """The longest of `prefixes` with which `path` begins; None if it begins with none.

    >>> longest_prefix("linear.item_id/embeddings", ["", "linear."])
    'linear.'
    """
    return max((p for p in prefixes if path.startswith(p)), key=len, default=None)


@keras.saving.register_keras_serializable("millstream")
class ByPrefix(keras.optimizers.Optimizer):
    """A Keras optimiser that leaves each weight to one of several.

    Args:
        optimizers: Keras optimisers, or what `keras.optimizers.get` takes, by the prefix of the
            weights' paths; the prefix "" is for all others.

    Raises:
        ConfigurationError: when it is built, a weight for which there is no prefix.

    >>> several = ByPrefix({"": "adam", "embedding.": "adagrad", "linear.": "ftrl"})
    """

    def __init__(
        self, optimizers: Mapping[str, Any], name: str = "by_prefix", **kwargs: Any
    ) -> None:
        # Its own rate is of no use: each optimiser has one.
        super().__init__(learning_rate=1.0, name=name, **kwargs)
        self.optimizers = {
            prefix: keras.optimizers.get(optimizer) for prefix, optimizer in optimizers.items()
        }

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Share the weights out."""
        if self.built:
            return
        super().build(variables)
        self._owner = [self._prefix_of(variable) for variable in variables]
        for prefix, optimizer in self.optimizers.items():
            optimizer.build([v for v, p in zip(variables, self._owner, strict=True) if p == prefix])

    @property
    def variables(self) -> list[keras.Variable]:
        """Its own count of steps, and everything that its optimisers keep."""
        kept = [v for optimizer in self.optimizers.values() for v in optimizer.variables]
        return [*super().variables, *kept]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Never called: whole lists of weights are passed on."""
        raise NotImplementedError

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> Any:
        """One step of each optimiser on its weights.

        Args:
            grads: one for each weight, None for those that had no part.
            trainable_variables: as given to `build`, in that order; None for the same.

        Returns:
            The number of steps taken, as Keras does.
        """
        variables = list(
            self._trainable_variables if trainable_variables is None else trainable_variables
        )
        self.build(variables)
        for prefix, optimizer in self.optimizers.items():
            places = [i for i, owner in enumerate(self._owner) if owner == prefix]
            if any(grads[i] is not None for i in places):
                optimizer.apply([grads[i] for i in places], [variables[i] for i in places])
        self._iterations.assign_add(1)
        return self._iterations

    def get_config(self) -> dict[str, Any]:
        optimizers = {p: keras.optimizers.serialize(o) for p, o in self.optimizers.items()}
        return {"name": self.name, "optimizers": optimizers}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "ByPrefix":
        """The reverse of `get_config`."""
        given = {
            prefix: keras.optimizers.deserialize(one, custom_objects=custom_objects)
            for prefix, one in config["optimizers"].items()
        }
        return cls(given, name=config["name"])

    def _prefix_of(self, variable: keras.Variable) -> str:
        prefix = longest_prefix(variable.path, self.optimizers)
        if prefix is None:
            raise ConfigurationError(
                f"`optimizers` must have a prefix for weight {variable.path!r}, or '' for all "
                f"others. Received: {sorted(self.optimizers)}."
            )
        return prefix
