"""YouTube's ranking network: an MLP whose odds are the expected watch time.

Ids are embedded, lists of them averaged; a float x becomes x~, x~^2 and sqrt(x~), where x~ is its
quantile in what training has seen. All go side by side into an MLP with one logit.

Trained on impressions with weights, the time watched for a click and 1 for what was not clicked
(`models.losses.watch_time`; a dataset whose schema names `watched` is learnt so), the odds learn
sum T_i / (N - k) over k clicks among N impressions, which is near E[T], the time watched per
impression, as long as few are clicked: E[T] = exp(logit).

Reference: Covington, Adams & Sargin, RecSys 2016, https://doi.org/10.1145/2959100.2959190,
section 4.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras.layers import Concatenate, Dense

from models.fields import Field
from models.inputs import FieldInputs
from models.layers.mlp import mlp
from models.layers.normalise import Quantile
from models.layers.powers import Powers


def youtube_ranker(
    fields: Iterable[Field], *, hidden: Sequence[int] = (256, 128), dropout: float = 0.0
) -> keras.Model:
    """{field: (batch,), (batch, length) or (batch, width)} -> logit, shape (batch, 1).

    Args:
        fields: ids and floats of any widths. Lists are pooled as they say, floats normalised to
            quantiles after what else their `normalise` asks for.
        hidden: widths of the MLP.
        dropout: of the MLP.

    Raises:
        ConfigurationError: fields that do not fit together.
    """
    inputs = FieldInputs(fields)
    columns = [inputs.pooled(f) if f.is_id else _powers(inputs, f) for f in inputs.fields]
    x = mlp(Concatenate(name="joined")(columns), hidden, name="deep", dropout=dropout)
    return keras.Model(inputs.tensors, Dense(1, name="logit")(x), name="youtube_ranker")


def _powers(inputs: FieldInputs, field: Field) -> Any:
    x = inputs.numbers(field)
    if field.normalise != "quantile":
        x = Quantile(name=f"quantile.{field.name}")(x)
    return Powers(name=f"powers.{field.name}")(x)
