"""First values of weights."""

from typing import Any

from keras.initializers import VarianceScaling


def glorot_each(matrices: int) -> Any:
    """Glorot's uniform initialiser for `matrices` of one shape in one weight, (matrices, in, out).

    Keras would take all but the last two axes for the window of a convolution, and draw values that
    are too small by the square root of their number.

    Reference: Glorot & Bengio, AISTATS 2010, eq. 16.
    """
    return VarianceScaling(scale=matrices, mode="fan_avg", distribution="uniform")
