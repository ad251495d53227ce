"""Deep & Cross Network V2: x_{l+1} = x_0 * (W x_l + b) + x_l beside, or under, an MLP.

With experts, W x_l + b is sum_k G_k(x_l) [U_k g(C_k g(V_k^T x_l)) + b].

Reference: Wang et al., WWW 2021, https://arxiv.org/abs/2008.13535, eq. 1 to 3, figure 1, and the
mixture of low-rank cross networks.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import keras
from keras.layers import Concatenate, Dense

from millstream.errors import ConfigurationError
from models.fields import Field
from models.inputs import embedded
from models.layers.cross import Cross
from models.layers.cross_mixture import CrossMixture
from models.layers.mlp import mlp


def dcn_v2(
    fields: Iterable[Field],
    *,
    crosses: int = 2,
    rank: int | None = None,
    experts: int | None = None,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
    structure: Literal["parallel", "stacked"] = "parallel",
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths.
        crosses: cross layers.
        rank: of the cross matrices, W = U V^T; None keeps them whole.
        experts: of each cross layer, all of that rank; None or 1 is a cross layer without gates.
        hidden: widths of the MLP.
        dropout: of the MLP.
        structure: `parallel` joins both outputs; `stacked` runs the MLP on the last cross.

    Raises:
        ConfigurationError: an unknown `structure`, experts without a `rank`, or fields that do not
            fit together.
    """
    if structure not in ("parallel", "stacked"):
        raise ConfigurationError(
            f"`structure` must be 'parallel' or 'stacked'. Received: {structure!r}."
        )
    inputs, x0 = embedded(fields)
    x = x0
    for i in range(crosses):
        x = _cross(rank, experts, f"cross_{i}")(x0, x)
    if structure == "stacked":
        x = mlp(x, hidden, name="deep", dropout=dropout)
    else:
        x = Concatenate(name="joined")([x, mlp(x0, hidden, name="deep", dropout=dropout)])
    return keras.Model(inputs, Dense(1, name="logit")(x), name="dcn_v2")


def _cross(rank: int | None, experts: int | None, name: str) -> Any:
    if experts is None or experts == 1:
        return Cross(rank, name=name)
    if experts < 1:
        raise ConfigurationError(f"`experts` must be None or above 0. Received: {experts!r}.")
    if rank is None:
        raise ConfigurationError(f"`rank` must be given with {experts} experts. Received: None.")
    return CrossMixture(experts, rank, name=name)
