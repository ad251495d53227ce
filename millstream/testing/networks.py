"""Contracts of networks: a ranker, and a retriever."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from models.split import Split

_ROWS, _WIDTH, _MOST_IDS = 6, 8, 1_000


def ranker_contract(builder: Callable[..., Any], **options: Any) -> None:
    """Check that a function builds a ranker that trainer and serving workers take.

    From the fields of this domain it builds a `keras.Model` with one output, (batch, 1), finite
    also where nothing is known. Building it twice gives weights of the same names and shapes. Its
    embedding tables are `models.inputs.FieldInputs`'. Rows are scored one by one as together, and
    every weight learns.

    Args:
        builder: of the project.
        options: as `MILLSTREAM_RANKER_OPTIONS` names them.

    Raises:
        AssertionError: it does not; the text says what.
    """
    import keras

    from models.spec_fields import ranker_fields

    fields = ranker_fields(_WIDTH)
    model = builder(fields, **options)
    assert isinstance(model, keras.Model), f"It must build a keras.Model. Received: {model!r}."
    _check_inputs(model, {field.name for field in fields})
    _check_built_alike(model, builder(fields, **options))
    parts = _parts(model)
    given = _inputs(parts)
    scores = keras.ops.convert_to_numpy(parts.body(given, training=False))
    assert scores.shape == (_ROWS, 1), (
        f"A ranker must give (batch, 1) scores. Received: {scores.shape}."
    )
    _check_rows(parts.body, given, scores)
    _check_learns(parts.body, given)


def retriever_contract(builder: Callable[..., Any], **options: Any) -> None:
    """Check that a function builds a retriever that trainer and serving workers take.

    From the fields of this domain it builds a `models.retrieval.model.RetrievalModel`: a query side
    of user and context, a candidate side of item fields, and vectors of one width; a query may have
    several. Else as `ranker_contract`.

    Args:
        builder: of the project.
        options: as `MILLSTREAM_RETRIEVER_OPTIONS` names them.

    Raises:
        AssertionError: it does not; the text says what.
    """
    import keras

    from models.retrieval.model import RetrievalModel
    from models.spec_fields import retriever_fields

    fields = retriever_fields(_WIDTH)
    built = builder(fields, **options)
    assert isinstance(built, RetrievalModel), (
        f"It must build a RetrievalModel. Received: {type(built).__name__}."
    )
    _check_built_alike(built.model, builder(fields, **options).model)
    widths = []
    for name, side in (("query", built.query), ("candidate", built.candidate)):
        wanted = {f.name for f in fields if (f.belongs_to == "item") == (name == "candidate")}
        _check_inputs(side, wanted)
        parts = _parts(side)
        given = _inputs(parts)
        vectors = keras.ops.convert_to_numpy(parts.body(given, training=False))
        ranks = (2, 3) if name == "query" else (2,)
        assert vectors.ndim in ranks and len(vectors) == _ROWS, (
            f"The {name} side must give (batch, width). Received: {vectors.shape}."
        )
        widths.append(vectors.shape[-1])
        _check_rows(parts.body, given, vectors)
        _check_learns(parts.body, given)
    assert widths[0] == widths[1], f"Both sides must be as wide. Received: {widths}."


def _check_inputs(model: Any, known: set[str]) -> None:
    names = {each.name for each in model.inputs}
    assert names <= known, (
        f"Inputs must be among {sorted(known)}. Received: {sorted(names - known)}."
    )


def _check_built_alike(one: Any, other: Any) -> None:
    first, second = ([(w.path, tuple(w.shape)) for w in each.weights] for each in (one, other))
    different = [pair for pair in zip(first, second, strict=False) if pair[0] != pair[1]]
    assert not different and len(first) == len(second), (
        "Building it twice must give weights of the same names and shapes: name its layers. "
        f"Received: {different[:3] or (len(first), len(second))}."
    )


def _parts(model: Any) -> "Split":
    from millstream.errors import ConfigurationError
    from models.split import split

    try:
        return split(model)
    except ConfigurationError as error:
        raise AssertionError(str(error)) from error


def _inputs(parts: "Split") -> dict[str, np.ndarray]:
    """Rows of numbers, ids and their vectors by chance; of the first nothing is known."""
    rng, given = np.random.default_rng(7), {}
    for each in parts.body.inputs:
        shape = (_ROWS, *each.shape[1:])
        is_id = "int" in str(each.dtype)
        values = rng.integers(1, _MOST_IDS, shape) if is_id else rng.normal(size=shape)
        values[0] = 0
        given[each.name] = values.astype(np.int64 if is_id else np.float32)
    return given


def _check_rows(body: Any, given: Mapping[str, np.ndarray], whole: np.ndarray) -> None:
    import keras

    assert np.isfinite(whole).all(), "Outputs must be finite, also where nothing is known."
    for place in range(_ROWS):
        one = {name: values[place : place + 1] for name, values in given.items()}
        found = keras.ops.convert_to_numpy(body(one, training=False))
        assert np.allclose(found[0], whole[place], atol=1e-5), (
            "A row must be scored alone as among others."
        )


def _check_learns(body: Any, given: Mapping[str, np.ndarray]) -> None:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = body({name: tf.constant(values) for name, values in given.items()}, training=True)
        loss = tf.reduce_sum(tf.square(outputs - 1.0))
    weights = body.trainable_weights
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    still = [w.path for w, gradient in zip(weights, gradients, strict=True) if gradient is None]
    assert not still, f"Every weight must have a gradient. Received none for {still}."
