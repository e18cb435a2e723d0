"""Regular expressions from templates and rules, in bounded time.

RE2 does not backtrack: matching takes time proportional to text times pattern. Both
are limited here, and each search is charged for before it is made.
"""

from collections.abc import Iterator
from typing import Any

from pexschedd.errors import TemplateError
from pexschedd.templates.budget import Budget
from pexschedd.util.text_pattern import PatternLimits, compile_pattern

MAX_PATTERN = 500
MAX_TEXT = 16_384
_LIMITS = PatternLimits(characters=MAX_PATTERN, program=1_000)
_PROGRAM_CHARACTERS_PER_STEP = 500


def compiled(pattern: str) -> Any:
    """The RE2 object for `pattern`; raises TemplateError if it is not acceptable."""
    try:
        return compile_pattern(pattern, _LIMITS)
    except ValueError as error:
        raise TemplateError(f'"{pattern[:60]}": {error}') from None


def matches(pattern: str, text: str, budget: Budget) -> Iterator[Any]:
    """All matches from left to right, not overlapping; each is charged for."""
    if len(text) > MAX_TEXT:
        raise TemplateError(f"a text is over {MAX_TEXT} characters: too long to search")
    regex = compiled(pattern)
    size = regex.programsize
    budget.charge(100 + size)
    # A lone surrogate cannot be encoded, and nothing that we send may contain one.
    found = regex.finditer(text.encode("utf-8", "replace").decode())
    position = 0
    while True:
        budget.charge(1 + size * (len(text) - position) // _PROGRAM_CHARACTERS_PER_STEP)
        match = next(found, None)
        if match is None:
            return
        position = match.end()
        yield match


def search(pattern: str, text: str, budget: Budget) -> Any | None:
    """The first match anywhere in `text`."""
    return next(matches(pattern, text, budget), None)
