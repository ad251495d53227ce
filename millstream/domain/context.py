"""Context: what is said of a request or an event beside its user and its item."""

from typing import Literal

from pydantic import Field

from millstream.domain.part import Name, Part


class ContextField(Part):
    """One field of the context, such as the device: `[context.NAME]`."""

    type: Literal["string"]
    default: str = Field(
        default="", max_length=256, description="What counts where a context does not say."
    )
    max_characters: int = Field(
        default=64, ge=1, le=256, description="The most characters of a text; more are cut off."
    )
    table: Name | None = Field(
        default=None,
        description="The embedding table; parts of one table share it. Its own where it is left "
        "out.",
    )
