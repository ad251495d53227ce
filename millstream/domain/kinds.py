"""Event kinds: what people do, what it teaches, and whether the item then counts as seen."""

from typing import Literal

from pydantic import Field, model_validator

from millstream.domain.part import Part, Seconds


class Kind(Part):
    """One kind of interaction: `[kinds.NAME]`."""

    label: Literal[0, 1] | None = Field(
        default=None,
        description="What it teaches: 1 that the person wanted the item, 0 that they did not; "
        "nothing where it is left out.",
    )
    label_from: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="The `value` from which its label is 1, and below which it is 0; an event "
        "without a value is refused. In place of `label`.",
    )
    value: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="What `value` is, with its unit: stars, seconds read, price in EUR. Shown in "
        "the API's description and in errors.",
    )
    two_sided: bool = Field(
        default=False,
        description="Whether it says both yes and no: then no negatives are sampled for its "
        "positives.",
    )
    weight: float = Field(
        default=1.0,
        gt=0,
        le=1_000.0,
        description="How much an example of it weighs in the loss: 5 teaches as much as five of 1.",
    )
    weight_by_value: bool = Field(
        default=False,
        description="Whether a positive of it weighs `weight` times its `value`, without which an "
        "event is refused: of seconds watched, the ranker's odds become the expected watch time.",
    )
    seen: bool = Field(
        default=True,
        description="Whether the item counts as seen by that person: it comes behind all that they "
        "have not seen.",
    )
    seen_for: Seconds | None = Field(
        default=None,
        description="How long the item counts as seen by an event of this kind, up to a quarter "
        "longer; for as long as it is remembered where it is left out.",
    )

    @model_validator(mode="after")
    def _one_label(self) -> "Kind":
        if self.label is not None and self.label_from is not None:
            raise ValueError("`label` or `label_from`, not both")
        if self.weight_by_value and self.label_from is None and self.label != 1:
            raise ValueError("`weight_by_value` only where `label` is 1, or with `label_from`")
        if self.seen_for is not None and not self.seen:
            raise ValueError("`seen_for` only where `seen` is true")
        return self

    def labelled(self, value: float | None) -> float | None:
        """Label of an event of this kind: 1.0, 0.0, or None where it teaches nothing.

        >>> Kind(label_from=4.0).labelled(3.5), Kind(label=1).labelled(None), Kind().labelled(2.0)
        (0.0, 1.0, None)
        """
        if self.label_from is not None:
            return 1.0 if value is not None and value >= self.label_from else 0.0
        return None if self.label is None else float(self.label)

    def weighed(self, value: float | None) -> float:
        """Weight of an example of this kind.

        >>> Kind(label=1, weight=0.5, weight_by_value=True).weighed(40.0), Kind(weight=2).weighed(9)
        (20.0, 2.0)
        """
        if not self.weight_by_value or not self.labelled(value):
            return self.weight
        return self.weight * max(value or 0.0, 0.0)

    @property
    def labelled_by_value(self) -> bool:
        """Whether its label is by the value."""
        return self.label_from is not None

    @property
    def needs_value(self) -> bool:
        """Whether an event of it without a value is none."""
        return self.labelled_by_value or self.weight_by_value
