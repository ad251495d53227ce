"""DeepCTR on the rows of `ranker_rows.py`: `fit`, and `train_on_batch`; has its own environment.

    python deepctr_fit.py NAME ROUNDS

Prints examples per CPU second of both, for each round, as JSON; nothing of a model that DeepCTR has
not. Imports nothing of this project but `ranker_rows`, which needs NumPy alone.
"""

import json
import os
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[3]))

import numpy as np
import tensorflow as tf
from deepctr import feature_column, models
from deepctr.layers.core import PredictionLayer
from tensorflow import keras
from tensorflow.python.ops import array_ops, control_flow_ops
from tensorflow.python.util import nest

from tests.bench import ranker_rows as given

HIDDEN = (256, 128)
BEHAVIOUR_HIDDEN = (200, 80)
TARGET = given.names()[0]
LENGTH = given.SESSIONS * given.ENTRIES
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
    "din": lambda c: din(c),  # these three stand below
    "dien": lambda c: dien(c),
    "dsin": lambda c: dsin(c),
}


def autoint(columns: Columns, hidden: tuple[int, ...]) -> Any:
    shape = {"att_layer_num": 2, "att_head_num": 2, "att_embedding_size": 16}
    return same(models.AutoInt, columns, columns, dnn_hidden_units=hidden, **shape)


def din(columns: Columns) -> Any:
    """The same: one hidden layer of 36 in the activation unit, Dice, no softmax."""
    return same(
        models.DIN,
        [*columns, listed(f"hist_{TARGET}")],
        [TARGET],
        att_hidden_size=(36,),
        att_activation="dice",
        att_weight_normalization=False,
        dnn_hidden_units=BEHAVIOUR_HIDDEN,
        dnn_activation="dice",
    )


def dien(columns: Columns) -> Any:
    """A GRU, then one whose update gate attention scales; neither has the auxiliary loss.

    Attention is a softmax of one linear layer on [h, v, h - v, h * v], where ours has a matrix
    between h and v: DeepCTR's other choice is an MLP.
    """
    return same(
        models.DIEN,
        [*columns, listed(f"hist_{TARGET}", length_name="seq_length")],
        [TARGET],
        gru_type="AUGRU",
        use_negsampling=False,
        att_hidden_units=(),
        att_weight_normalization=True,
        dnn_hidden_units=BEHAVIOUR_HIDDEN,
        dnn_activation="dice",
    )


def dsin(columns: Columns) -> Any:
    """Bias encoding, two heads of 8, and a bidirectional LSTM over five sessions of four.

    It is more than ours: DeepCTR has two LSTM layers, with dropout, and an MLP in both attentions
    over sessions, and no option for less. Its feed-forward layer is twice as wide, without layer
    normalisation.
    """
    sessions = [listed(f"sess_{place}_{TARGET}", given.ENTRIES) for place in range(given.SESSIONS)]
    return same(
        models.DSIN,
        [*columns, *sessions],
        [TARGET],
        sess_max_count=given.SESSIONS,
        bias_encoding=True,
        att_embedding_size=8,
        att_head_num=2,
        dnn_hidden_units=BEHAVIOUR_HIDDEN,
    )


def listed(name: str, length: int = LENGTH, **options: Any) -> Any:
    """A list of ids from the target's table."""
    of = feature_column.SparseFeat(
        name, given.IDS + 1, embedding_dim=given.WIDTH, embedding_name=TARGET
    )
    return feature_column.VarLenSparseFeat(of, maxlen=length, **options)


def main() -> None:
    name, rounds = sys.argv[1], int(sys.argv[2])
    if name == "dien":
        as_in_its_day()
    print(
        json.dumps({"fit": fit(name, rounds), "step": steps(name, rounds)} if name in SAME else {})
    )


def as_in_its_day() -> None:
    """DeepCTR's DIEN asks for sessions, and for functions where TensorFlow no longer has them."""
    tf.compat.v1.disable_eager_execution()
    array_ops.stack, array_ops.unstack = tf.stack, tf.unstack
    control_flow_ops.Assert, control_flow_ops.cond = tf.Assert, tf.compat.v1.cond
    control_flow_ops.while_loop = tf.compat.v1.while_loop
    nest.is_sequence = nest.is_nested


def fit(name: str, rounds: int) -> list[float]:
    return given.fit_rates(keras, compiled(name), *columns_of(name), rounds)


def steps(name: str, rounds: int) -> list[float]:
    model = compiled(name)
    meter = given.Meter(given.SMALL_BATCH, given.SMALL_WARM_UP, given.SMALL_STEPS)
    columns, labels = columns_of(name)
    for _ in range(rounds):
        for batch in given.small_batches({**columns, "": labels}):
            y = batch.pop("")
            model.train_on_batch(batch, y)
            meter.step()
    return meter.rates


def compiled(name: str) -> Any:
    fields = [
        feature_column.SparseFeat(field, given.IDS + 1, embedding_dim=given.WIDTH)
        for field in given.names()
    ]
    model = SAME[name](fields)
    model.compile("adam", "binary_crossentropy")
    return model


def columns_of(name: str) -> tuple[dict[str, Any], Any]:
    columns, labels = given.rows()
    by_session = given.histories()
    if name in ("din", "dien"):
        columns[f"hist_{TARGET}"] = by_session.reshape(given.ROWS, -1)
    if name == "dien":
        columns["seq_length"] = np.full(given.ROWS, LENGTH)
    if name == "dsin":
        for place in range(given.SESSIONS):
            columns[f"sess_{place}_{TARGET}"] = by_session[:, place]
        columns["sess_length"] = np.full((given.ROWS, 1), given.SESSIONS)
    return columns, labels


if __name__ == "__main__":
    main()
