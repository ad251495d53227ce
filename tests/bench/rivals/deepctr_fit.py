"""`fit` of one model of DeepCTR on the rows of `ranker_rows.py`; runs in an environment of its own.

    python deepctr_fit.py NAME

Prints the CPU seconds of each measured epoch and the number of its rows, as JSON. Imports nothing
of this project but `ranker_rows`, which needs NumPy alone.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[3]))

from deepctr import feature_column, models
from deepctr.layers.core import PredictionLayer
from tensorflow import keras

from tests.bench import ranker_rows

HIDDEN = (256, 128)
Columns = list[feature_column.SparseFeat]


def same(make: Callable[..., Any], *columns: Columns, **options: Any) -> Any:
    """The model without the penalties on weights that ours have only where they are asked for."""
    free = {name: 0 for name in signature(make).parameters if name.startswith("l2_reg")}
    return make(*columns, **free, **options)


def lr(columns: Columns) -> Any:
    """The first-order part that DeepCTR's models share, on its own."""
    inputs = feature_column.build_input_features(columns)
    logit = feature_column.get_linear_logit(inputs, columns)
    return keras.Model(list(inputs.values()), PredictionLayer("binary")(logit))


# By our names: DeepCTR's model, and what makes it the same network as ours.
SAME: dict[str, Callable[[Columns], Any]] = {
    "lr": lr,
    "fm": lambda c: same(models.DeepFM, c, c, dnn_hidden_units=()),
    "fwfm": lambda c: same(models.FwFM, c, c, dnn_hidden_units=()),
    "fefm": lambda c: same(models.DeepFEFM, c, c, dnn_hidden_units=()),
    "deepfefm": lambda c: same(models.DeepFEFM, c, c, dnn_hidden_units=HIDDEN),
    "fnn": lambda c: same(models.FNN, c, c, dnn_hidden_units=HIDDEN),
    "nfm": lambda c: same(models.NFM, c, c, dnn_hidden_units=(64,)),
    "afm": lambda c: same(models.AFM, c, c, attention_factor=8),
    "deepfm": lambda c: same(models.DeepFM, c, c, dnn_hidden_units=HIDDEN),
    "xdeepfm": lambda c: same(
        models.xDeepFM,
        c,
        c,
        dnn_hidden_units=HIDDEN,
        cin_layer_size=(32, 32),
        cin_split_half=False,
        cin_activation="linear",
    ),
    "wide_deep": lambda c: same(models.WDL, c, c, dnn_hidden_units=HIDDEN),
    "ipnn": lambda c: same(models.PNN, c, dnn_hidden_units=HIDDEN),
    "kpnn": lambda c: same(
        models.PNN, c, dnn_hidden_units=HIDDEN, use_inner=False, use_outter=True
    ),
    "dcn": lambda c: same(models.DCN, c, c, cross_num=2, dnn_hidden_units=HIDDEN),
    "dcn_v2": lambda c: same(
        models.DCN, c, c, cross_num=2, cross_parameterization="matrix", dnn_hidden_units=HIDDEN
    ),
    "dcn_v2_mix": lambda c: same(
        models.DCNMix, c, c, cross_num=2, low_rank=16, num_experts=4, dnn_hidden_units=HIDDEN
    ),
    "autoint": lambda c: autoint(c, ()),
    "autoint_plus": lambda c: autoint(c, HIDDEN),
    "fibinet": lambda c: same(models.FiBiNET, c, c, dnn_hidden_units=HIDDEN),
}


def autoint(columns: Columns, hidden: tuple[int, ...]) -> Any:
    shape = {"att_layer_num": 2, "att_head_num": 2, "att_embedding_size": 16}
    return same(models.AutoInt, columns, columns, dnn_hidden_units=hidden, **shape)


def main() -> None:
    columns = [
        feature_column.SparseFeat(name, ranker_rows.IDS + 1, embedding_dim=ranker_rows.WIDTH)
        for name in ranker_rows.names()
    ]
    model = SAME[sys.argv[1]](columns)
    model.compile("adam", "binary_crossentropy")
    x, y = ranker_rows.rows()
    took = []
    for _ in range(1 + ranker_rows.EPOCHS):
        start = time.process_time()
        model.fit(x, y, batch_size=ranker_rows.BATCH, epochs=1, verbose=0)
        took.append(time.process_time() - start)
    print(json.dumps({"rows": len(y), "seconds": took[1:]}))


if __name__ == "__main__":
    main()
