"""Every ranker under a Keras backend: does it learn, and examples per second of `fit`.

    KERAS_BACKEND=jax python tests/bench/bench_backend.py all
    KERAS_BACKEND=jax python tests/bench/bench_backend.py deepfm din --rows 500000 --batch 8192

Needs no TensorFlow where another backend is named; the packages for JAX on a CPU:

    python -m venv JAX && JAX/bin/pip install 'jax[cpu]' keras msgspec xxhash mmh3 pyarrow scipy

12 ids, one of them a list of 10 (the behaviours of sequence models), and a float; one id decides
the label. Compiling is in the first epoch, which is not timed.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

import keras
import numpy as np

from models.catalogue import CATALOGUE, build
from models.fields import Field

NAMES = [entry.name for entry in CATALOGUE if entry.task == "ranking" and entry.learns_online]
IDS, WIDTH, LENGTH, EPOCHS = 1_000, 16, 10, 3
FIELDS = (
    *(Field(f"field_{place}", width=WIDTH, rows=IDS) for place in range(10)),
    Field("item_id", width=WIDTH, rows=IDS, belongs_to="item"),
    Field("recent", width=WIDTH, rows=IDS, length=LENGTH, shared_with="item_id"),
    Field("age", "float"),
)


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("models", nargs="+", choices=[*NAMES, "all"], metavar="MODEL")
    arguments.add_argument("--rows", type=int, default=32_768)
    arguments.add_argument("--batch", type=int, default=2048)
    chosen = arguments.parse_args()
    devices = ", ".join(keras.distribution.list_devices())
    print(f"Keras {keras.__version__}, {keras.backend.backend()}, {devices}")
    print(f"{'':18}{'examples/s':>12}{'first loss':>12}{'last loss':>12}")
    for name in NAMES if "all" in chosen.models else chosen.models:
        print(f"{name:18}{_fitted(name, chosen.rows, chosen.batch)}", flush=True)


def _fitted(name: str, n: int, batch: int) -> str:
    """How fast a ranker learns, and its losses; what went wrong where it cannot."""
    keras.backend.clear_session()
    x, y = _rows(n)
    try:
        model = build(name, FIELDS)
        model.compile(
            keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True)
        )
        losses, took = [], []
        for _ in range(EPOCHS):
            start = time.perf_counter()
            done = model.fit(x, y, batch_size=batch, epochs=1, verbose=0)
            took.append(time.perf_counter() - start)
            losses += done.history["loss"]
        scores = model.predict(x, batch_size=batch, verbose=0)
    except Exception as error:  # the others are still to be tried
        return f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
    if not np.isfinite(scores).all():
        return "scores that are not finite"
    return f"{n / min(took[1:]):12,.0f}{losses[0]:12.4f}{losses[-1]:12.4f}"


def _rows(n: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The same every time; the first id decides the label."""
    rng = np.random.default_rng(0)
    x: dict[str, np.ndarray] = {}
    for field in FIELDS:
        if field.is_id:
            x[field.name] = rng.integers(1, IDS, (n, *field.shape))
        else:
            x[field.name] = rng.normal(size=n).astype(np.float32)
    return x, (x["field_0"] > IDS // 2).astype(np.float32)


if __name__ == "__main__":
    main()
