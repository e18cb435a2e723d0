"""Regular expressions of callers, in bounded time.

RE2 does not backtrack: a search takes time in proportion to the text times the
pattern, and patterns are small here.
"""

from functools import lru_cache
from typing import Any

import msgspec
import re2


class PatternLimits(msgspec.Struct, frozen=True):
    """The bounds of a pattern."""

    characters: int
    program: int
    """RE2's measure of a compiled pattern; `\\d{3}` is about a dozen."""


OF_SEARCHES = PatternLimits(characters=200, program=300)
"""Of searches through many texts."""

_MEMORY = 1 << 20
_SYNTAX = "https://github.com/google/re2/wiki/Syntax"


@lru_cache(maxsize=64)
def compile_pattern(
    pattern: str, limits: PatternLimits = OF_SEARCHES, *, ignore_case: bool = False
) -> Any:
    """Return the RE2 object; raises ValueError that says what is wrong."""
    if len(pattern) > limits.characters:
        raise ValueError(
            f"A regular expression has {limits.characters} characters at most."
        )
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        regex = re2.compile(pattern, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        if isinstance(reason, bytes):
            reason = reason.decode("utf-8", "replace")
        raise ValueError(
            f"This is not a regular expression of RE2: {reason}. See {_SYNTAX}."
        ) from None
    if regex.programsize > limits.program:
        raise ValueError("This regular expression is too large: shorten it.")
    return regex


def is_found(text: str, pattern: str) -> bool:
    """Return whether the pattern matches anywhere in the text."""
    return compile_pattern(pattern).search(text) is not None


def is_found_in_any_case(text: str, pattern: str) -> bool:
    """Return the same, upper case and lower case being alike."""
    return compile_pattern(pattern, ignore_case=True).search(text) is not None
