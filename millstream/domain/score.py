"""The score by which lists are ranked."""

from typing import Annotated

from pydantic import AfterValidator, Field

from millstream.domain.formula import MAX_CHARACTERS, formula
from millstream.domain.part import Part


def _is_formula(text: str) -> str:
    formula(text)
    return text


FormulaText = Annotated[str, Field(min_length=1), AfterValidator(_is_formula)]


class Score(Part):
    """What lists are ranked by: `[score]`."""

    formula: FormulaText = Field(
        json_schema_extra={"maxLength": MAX_CHARACTERS},
        description='A formula over the scores of tasks and numbers of items and users: "click + '
        '4 * purchase * log1p(item.price)". With numbers, + - * / **, log1p, exp, min, max, clip.',
    )
