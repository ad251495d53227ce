"""Which fields matter: the pairs that a DCN-V2 weighs most, and what any model loses without one.

References: Wang et al., WWW 2021, https://arxiv.org/abs/2008.13535, where the model is explained
(block norms); Breiman, Machine Learning 45, 2001, https://doi.org/10.1023/A:1010933404324,
section 10 (permutations).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from millstream.errors import ConfigurationError
from models.fields import Field
from models.layers.cross import Cross
from models.layers.cross_mixture import CrossMixture


@dataclass(frozen=True)
class CrossImportance:
    """How strongly the cross layers of a DCN-V2 weigh each pair of fields.

    Args:
        names: of the fields.
        layers: (layers, fields, fields) norms; row i is a field of x_0, column j one of x_l.
    """

    names: tuple[str, ...]
    layers: np.ndarray

    @property
    def combined(self) -> np.ndarray:
        """(fields, fields): the norm of a pair's blocks of all layers, taken as one block."""
        return np.sqrt(np.square(self.layers).sum(axis=0))

    def of(self, one: str, other: str) -> float:
        """The combined importance of a pair, in both of its orders."""
        i, j = self.names.index(one), self.names.index(other)
        return float(np.hypot(self.combined[i, j], self.combined[j, i] if i != j else 0.0))


@dataclass(frozen=True)
class Drop:
    """How much of a metric was lost: the mean over repeats, and their standard deviation."""

    mean: float
    spread: float


def cross_importance(model: keras.Model, fields: Iterable[Field]) -> CrossImportance:
    """Frobenius norms ||W_ij||_F of the blocks of the cross matrices, i and j fields.

    Where a layer has a rank, W = U V^T; where it has experts, W is what the layer does near 0,
    sum_k U_k C_k V_k^T / experts. A norm grows with the block, and shrinks where the vectors
    themselves grow: compare fields of one width, and of values on one scale.

    Args:
        model: a trained `dcn_v2`.
        fields: it was built with, in their order.

    Raises:
        ConfigurationError: the model has no cross layers, or was built with other fields.
    """
    crosses = [layer for layer in model.layers if isinstance(layer, Cross | CrossMixture)]
    if not crosses:
        raise ConfigurationError(
            f"`model` must have cross layers, as a 'dcn_v2' has. Received: {model.name!r}."
        )
    fields = tuple(fields)
    times = {f.times for f in fields}
    fields = tuple(f for f in fields if f.name not in times)
    widths = [f.width for f in fields]
    matrices = [layer.matrix() for layer in crosses]
    if sum(widths) != len(matrices[0]):
        raise ConfigurationError(
            f"`fields` must be those of {model.name!r}, {len(matrices[0])} values wide. "
            f"Received: {sum(widths)} values."
        )
    norms = np.stack([_block_norms(matrix, widths) for matrix in matrices])
    return CrossImportance(tuple(f.name for f in fields), norms)


def permutation_importance(
    score: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    inputs: Mapping[str, np.ndarray],
    labels: np.ndarray,
    metric: Callable[[np.ndarray, np.ndarray], float],
    *,
    repeats: int = 5,
    seed: int = 0,
) -> dict[str, Drop]:
    """How much worse the scores are once a field's values are dealt to other rows.

    A field that the model does not use drops nothing. Fields that say the same stand in for each
    other, so that each may drop little.

    Args:
        score: inputs by field name -> (rows,) or (rows, 1) scores, such as `model.predict`.
        inputs: by field name, each with one entry per row.
        labels: (rows,).
        metric: of labels and scores, (rows,) each; more is better.
        repeats: permutations of each field.
        seed: of the permutations.

    Returns:
        For each field, the drop of the metric; the greatest mean first.

    Raises:
        ConfigurationError: `repeats` is below 1.

    >>> inputs = {"used": np.arange(8.0), "unused": np.ones(8)}
    >>> accuracy = lambda labels, scores: float(np.mean(labels == (scores > 3)))
    >>> drops = permutation_importance(lambda x: x["used"], inputs, np.arange(8) > 3, accuracy)
    >>> list(drops), drops["unused"]
    (['used', 'unused'], Drop(mean=0.0, spread=0.0))
    """
    if repeats < 1:
        raise ConfigurationError(f"`repeats` must be above 0. Received: {repeats!r}.")
    rng = np.random.default_rng(seed)

    def value(x: Mapping[str, np.ndarray]) -> float:
        return metric(labels, np.reshape(score(x), len(labels)))

    whole = value(inputs)
    drops = {}
    for name, values in inputs.items():
        lost = [
            whole - value({**inputs, name: values[rng.permutation(len(labels))]})
            for _ in range(repeats)
        ]
        drops[name] = Drop(float(np.mean(lost)), float(np.std(lost)))
    return dict(sorted(drops.items(), key=lambda item: -item[1].mean))


def draw_importance(importance: CrossImportance, path: Path) -> None:
    """The combined importance of all pairs as a heat map, a PNG."""
    from matplotlib.figure import Figure

    names, size = importance.names, 3.0 + 0.45 * len(importance.names)
    figure = Figure(figsize=(size + 1.0, size), dpi=120, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(importance.combined, cmap="viridis", vmin=0.0)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(
        xlabel="field j, of $x_l$",
        ylabel="field i, of $x_0$",
        title="What the cross layers have learnt of pairs",
    )
    figure.colorbar(image, ax=axes, label="$\\Vert W_{ij} \\Vert_F$")
    figure.savefig(path)


def _block_norms(matrix: np.ndarray, widths: list[int]) -> np.ndarray:
    """(fields, fields) Frobenius norms of the blocks of a (width, width) matrix."""
    starts = np.cumsum([0, *widths[:-1]])
    rows = np.add.reduceat(np.square(matrix), starts, axis=0)
    return np.sqrt(np.add.reduceat(rows, starts, axis=1))
