"""A compiled step that is called with NumPy arrays at little cost."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


class CompiledStep:
    """A function traced once, when it is first called, for one signature.

    TensorFlow takes NumPy arguments too, but binding them to a signature of two dozen inputs
    costs more than a small step does: here each becomes a tensor first.

    Args:
        function: of tensors.
        signature: specs of its arguments, nested as they are.
    """

    def __init__(self, function: Callable[..., Any], signature: Sequence[Any]) -> None:
        self._traced = tf.function(function, input_signature=signature, autograph=False)
        self._dtypes = [spec.dtype for spec in tf.nest.flatten(list(signature))]
        self._concrete: Callable[..., Any] | None = None

    def __call__(self, *given: Any) -> Any:
        """The function's result.

        Args:
            given: arrays, nested as the signature.
        """
        if self._concrete is None:
            self._concrete = self._traced.get_concrete_function()
        flat = zip(tf.nest.flatten(given), self._dtypes, strict=True)
        tensors = [tf.constant(array, dtype) for array, dtype in flat]
        return self._concrete(*tf.nest.pack_sequence_as(given, tensors))
