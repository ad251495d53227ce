"""Datasets by what a person writes: to add one, a function here, or a file with a schema."""

from collections.abc import Callable
from pathlib import Path

from millstream.errors import ConfigurationError
from models.evaluation import libfm, ml_100k, tables
from models.evaluation.dataset import Dataset

BUILT_IN: dict[str, Callable[[], Dataset]] = {
    "ml-100k": ml_100k.load,
    "ml-100k+history": lambda: ml_100k.load(history=True),
}
FORMS = (*BUILT_IN, "libfm:TRAIN,TEST", "libfm:TRAIN,VALID,TEST", "SCHEMA.toml")


def load(text: str) -> Dataset:
    """The dataset that `text` names, in one of the `FORMS`.

    Raises:
        ConfigurationError: it names none.
        DatasetError: its files are not there, or not what they should be.
    """
    if text in BUILT_IN:
        return BUILT_IN[text]()
    if text.startswith("libfm:"):
        return libfm.load([Path(path) for path in text.removeprefix("libfm:").split(",")])
    if text.endswith(".toml"):
        return tables.load(Path(text))
    raise ConfigurationError(f"`data` must be one of {', '.join(FORMS)}. Received: {text!r}.")
