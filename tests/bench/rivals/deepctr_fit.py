"""`fit` of one model of DeepCTR on the rows of `ranker_rows.py`; runs in an environment of its own.

    python deepctr_fit.py NAME

Prints the seconds of each measured epoch and the number of its rows, as JSON. Imports nothing of
this project but `ranker_rows`, which needs NumPy alone.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[3]))

from deepctr import models
from deepctr.feature_column import SparseFeat

from tests.bench import ranker_rows

HIDDEN = (256, 128)
# By our names: DeepCTR's model, and what makes it the same network as ours.
SAME: dict[str, Callable[[Any], Any]] = {
    "fnn": lambda c: models.FNN(c, c, HIDDEN),
    "wide_deep": lambda c: models.WDL(c, c, HIDDEN),
    "deepfm": lambda c: models.DeepFM(c, c, dnn_hidden_units=HIDDEN),
    "nfm": lambda c: models.NFM(c, c, HIDDEN),
    "afm": lambda c: models.AFM(c, c, attention_factor=16),
    "fwfm": lambda c: models.FwFM(c, c, dnn_hidden_units=()),
    "deepfefm": lambda c: models.DeepFEFM(c, c, dnn_hidden_units=HIDDEN),
    "dcn": lambda c: models.DCN(c, c, cross_num=2, dnn_hidden_units=HIDDEN),
    "dcn_v2": lambda c: models.DCN(
        c, c, cross_num=2, cross_parameterization="matrix", dnn_hidden_units=HIDDEN
    ),
    "dcn_v2_mix": lambda c: models.DCNMix(
        c, c, cross_num=2, dnn_hidden_units=HIDDEN, low_rank=16, num_experts=4
    ),
    "xdeepfm": lambda c: models.xDeepFM(
        c, c, HIDDEN, cin_layer_size=(32, 32), cin_split_half=False, cin_activation="linear"
    ),
    "autoint": lambda c: models.AutoInt(
        c, c, att_layer_num=2, att_embedding_size=8, att_head_num=2, dnn_hidden_units=HIDDEN
    ),
    "ipnn": lambda c: models.PNN(c, HIDDEN, use_inner=True, use_outter=False),
    "opnn": lambda c: models.PNN(c, HIDDEN, use_inner=False, use_outter=True),
    "fibinet": lambda c: models.FiBiNET(c, c, bilinear_type="interaction", dnn_hidden_units=HIDDEN),
}


def main() -> None:
    columns = [
        SparseFeat(name, ranker_rows.IDS + 1, embedding_dim=ranker_rows.WIDTH)
        for name in ranker_rows.names()
    ]
    model = SAME[sys.argv[1]](columns)
    model.compile("adam", "binary_crossentropy")
    x, y = ranker_rows.rows()
    took = []
    for _ in range(1 + ranker_rows.EPOCHS):
        start = time.perf_counter()
        model.fit(x, y, batch_size=ranker_rows.BATCH, epochs=1, verbose=0)
        took.append(time.perf_counter() - start)
    print(json.dumps({"rows": len(y), "seconds": took[1:]}))


if __name__ == "__main__":
    main()
