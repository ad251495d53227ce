"""Score formulas: arithmetic over the scores of tasks and numbers of an item and a user.

    click + 4 * purchase * log1p(item.price)

Numbers, names, + - * / **, parentheses and the functions below, nothing else: the text is read as
Python reads an expression, and every part of it must be one of these. It is computed over all
candidates at once, in float64.
"""

import ast
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from math import isfinite
from typing import Any

import numpy as np

MAX_CHARACTERS = 1_000
MAX_PARTS = 200
ENTITIES = ("user", "item")

Values = Mapping[str, np.ndarray | float]

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
}
# By name: what computes it, and how many arguments it takes at least and at most.
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "log1p": (np.log1p, 1, 1),
    "exp": (np.exp, 1, 1),
    "min": (lambda *given: reduce(np.minimum, given), 2, 10),
    "max": (lambda *given: reduce(np.maximum, given), 2, 10),
    "clip": (lambda value, low, high: np.minimum(np.maximum(value, low), high), 3, 3),
}
_PARTS = "numbers, names, + - * / **, parentheses, log1p, exp, min, max and clip"


@dataclass(frozen=True)
class Formula:
    """A formula that was read; `formula` makes one.

    Args:
        text: as it was written.
        names: of what it is computed from: tasks, `task.class`, `item.price`, `user.age`.
    """

    text: str
    names: tuple[str, ...]

    @cached_property
    def version(self) -> str:
        """Eight hex digits that change with what the formula says, but not with its spaces."""
        return hashlib.sha256(ast.unparse(_tree(self.text)).encode()).hexdigest()[:8]

    def __call__(self, values: Values) -> np.ndarray:
        """The score of each candidate, (candidates,) float64.

        What cannot be computed (a division by 0, a number too large) is not finite.

        Args:
            values: (candidates,) or one number for all, by name.
        """
        with np.errstate(all="ignore"):
            return np.asarray(_value(_tree(self.text), values), np.float64)


@lru_cache(maxsize=1_000)
def formula(text: str) -> Formula:
    """Read a formula.

    >>> formula("click + 4 * purchase * log1p(item.price)").names
    ('click', 'item.price', 'purchase')

    Raises:
        ValueError: it is none; the text says what was expected.
    """
    tree = _tree(text)
    names: set[str] = set()
    _check(tree, names)
    if not names:
        raise ValueError("a formula that names a task at least")
    return Formula(text, tuple(sorted(names)))


@lru_cache(maxsize=1_000)
def _tree(text: str) -> ast.expr:
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"a formula of at most {MAX_CHARACTERS} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        text = getattr(error, "msg", None) or str(error)
        raise ValueError(f"a formula of {_PARTS} ({text})") from None
    if sum(1 for _ in ast.walk(tree)) > 2 * MAX_PARTS:  # operators are nodes of their own
        raise ValueError(f"a formula of at most {MAX_PARTS} parts")
    return tree


def _check(part: ast.expr, names: set[str]) -> None:
    """Gather the names of a part; raises where it may not be in a formula."""
    match part:
        case ast.Constant(value=value) if type(value) in (int, float):
            if not isfinite(_number(value)):
                raise ValueError("a formula of finite numbers")
        case ast.Name(id=name):
            names.add(name)
        case ast.Attribute(value=ast.Name(id=of), attr=name) if not name.startswith("_"):
            names.add(f"{of}.{name}")
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
            _check(operand, names)
        case ast.BinOp(op=operator, left=left, right=right) if type(operator) in _OPERATORS:
            _check(left, names)
            _check(right, names)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            _, least, most = _FUNCTIONS[name]
            if not least <= len(args) <= most:
                count = str(least) if least == most else f"{least} to {most}"
                word = "argument" if count == "1" else "arguments"
                raise ValueError(f"a formula whose `{name}` has {count} {word}")
            for argument in args:
                _check(argument, names)
        case _:
            shown = ast.unparse(part)[:80]
            raise ValueError(f"a formula of {_PARTS} only, without `{shown}`")


def _value(part: ast.expr, values: Values) -> Any:
    match part:
        case ast.Constant(value=value):
            return _number(value)
        case ast.Name(id=name):
            return values[name]
        case ast.Attribute(value=ast.Name(id=entity), attr=name):
            return values[f"{entity}.{name}"]
        case ast.UnaryOp(op=sign, operand=operand):
            return _SIGNS[type(sign)](_value(operand, values))
        case ast.BinOp(op=operator, left=left, right=right):
            return _OPERATORS[type(operator)](_value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name][0](*(_value(argument, values) for argument in args))
    raise AssertionError(f"{ast.dump(part)} was let in")


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")
