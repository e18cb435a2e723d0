"""Regular expressions from templates and rules, in bounded time.

RE2 does not backtrack: matching takes time proportional to text times pattern. Both
are limited here, and each search is charged for before it is made.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from pexschedd.errors import TemplateError
from pexschedd.templates.budget import Budget

MAX_PATTERN = 500
MAX_TEXT = 16_384
_MAX_PROGRAM = 1_000
"""RE2's measure of a compiled pattern; `\\d{3}` is about a dozen."""
_MEMORY = 1 << 20
_PROGRAM_CHARACTERS_PER_STEP = 500


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """The RE2 object for `pattern`; raises TemplateError if it is not acceptable."""
    if len(pattern) > MAX_PATTERN:
        raise TemplateError(f"a regular expression is over {MAX_PATTERN} characters")
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        regex = re2.compile(pattern, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        if isinstance(reason, bytes):
            reason = reason.decode("utf-8", "replace")
        raise TemplateError(
            f'the regular expression "{pattern[:60]}" is wrong: {reason}'
        ) from None
    if regex.programsize > _MAX_PROGRAM:
        raise TemplateError(f'the regular expression "{pattern[:60]}" is too large')
    return regex


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
