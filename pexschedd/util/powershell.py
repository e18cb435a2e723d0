"""Safe quoting of values in PowerShell text. Pure.

A single-quoted string expands nothing, and ends only at a quote that is not doubled.
PowerShell takes four typographic marks for single quotes, too (about_Quoting_Rules), so
those are doubled as well. Control characters cannot be typed and would end a line or a
comment: they become a space, as do Unicode's line and paragraph separators.
"""

import re

QUOTES = "'\u2018\u2019\u201a\u201b"
"""All that PowerShell takes for a single quote."""

_QUOTE = re.compile(f"[{QUOTES}]")
_BREAK = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def quoted(value: str) -> str:
    """Return a single-quoted string with this value, control characters replaced."""
    return "'" + _QUOTE.sub(lambda found: found[0] * 2, one_line(value)) + "'"


def comment(text: str) -> str:
    """Return a comment of one line."""
    return "# " + one_line(text)


def one_line(text: str) -> str:
    """Replace control characters and line separators by spaces."""
    return _BREAK.sub(" ", text)
