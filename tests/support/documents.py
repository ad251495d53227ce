"""The commands in README.md and docs/: found, joined over lines, and told from diagrams."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
SHELL = {"", "sh", "bash", "console"}
# A block without a language is a diagram if it has one of these.
_DRAWING = re.compile("[─▶▲▼│]")
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:millstream|make|feast|python|docker|cd|curl) [^`]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """One line of shell, as it stands (continued lines joined, without its comment)."""

    page: str
    line: int
    text: str

    def parts(self) -> list[list[str]]:
        """The words of each simple command in it; redirections are left out.

        >>> Command("", 0, "cd a && b 'c d' > e; f &").parts()
        [['cd', 'a'], ['b', 'c d'], ['f']]
        """
        lexer = shlex.shlex(self.text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        found: list[list[str]] = [[]]
        skips = False
        for word in lexer:
            if word in ("&", "&&", "|", "||", ";"):
                found.append([])
            elif word in (">", ">>", "<"):
                skips = True
            elif skips:
                skips = False
            else:
                found[-1].append(word)
        return [words for words in found if words]


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page."""
    text = page.read_text()
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        yield Block(page.name, line, found[1], found[2])


def shell_commands(page: Path) -> Iterator[Command]:
    """Every command in the page's fenced blocks."""
    for block in blocks(page):
        if block.language not in SHELL or _DRAWING.search(block.text):
            continue
        begun, start = "", 0
        for number, line in enumerate(block.text.splitlines(), block.line):
            start = start if begun else number
            begun += line.removesuffix("\\")
            if line.endswith("\\"):
                continue
            if text := _without_comment(begun):
                yield Command(block.page, start, text)
            begun = ""


def inline_commands(page: Path) -> Iterator[Command]:
    """Commands in the running text, in back quotes on one line."""
    text = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), page.read_text())
    for number, line in enumerate(text.splitlines(), 1):
        for found in _INLINE.finditer(line):
            yield Command(page.name, number, found[1])


def _without_comment(line: str) -> str:
    """The line up to a `#` that begins a word outside of quotes."""
    quote = ""
    for place, letter in enumerate(line):
        if letter == quote:
            quote = ""
        elif letter in "'\"" and not quote:
            quote = letter
        elif letter == "#" and not quote and not line[place - 1 : place].strip():
            return line[:place].strip()
    return line.strip()
