"""The strings of JSON in a text, which is JSON itself or has it in its lines. Pure.

What a peer has written is in a string of its line of the log, and what is found there
does not go on behind that string, however it looks.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter

_LINE = re.compile(r"^[^{\"\n]*+(\{.*\})\s*$", re.MULTILINE)
"""A line that may have an object, perhaps behind a time and a name."""
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\[^\n])*+\"")


class JsonStrings:
    """Knows the strings of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._objects = [*_objects(text)]
        self._strings = [
            found.span()
            for start, end in self._objects
            for found in _STRING.finditer(text, start, end)
        ]

    def clipped(self, start: int, end: int) -> tuple[int, int]:
        """Return the part of a place that is in the string that it begins in; nothing
        if it begins outside of strings, and not with a number. Where there is no JSON,
        all of it."""
        if not _around(self._objects, start):
            return start, end
        string = _around(self._strings, start)
        if string:
            return max(start, string[0] + 1), min(end, string[1] - 1)
        return start, end if self._text[start] in "-0123456789" else start


def _around(spans: list[tuple[int, int]], place: int) -> tuple[int, int] | None:
    """Return the one of several ordered spans that a place is in."""
    number = bisect_right(spans, place, key=itemgetter(0)) - 1
    return spans[number] if number >= 0 and place < spans[number][1] else None


def _objects(text: str) -> Iterator[tuple[int, int]]:
    if _is_json(text):
        yield 0, len(text)
    else:
        lines = (found.span(1) for found in _LINE.finditer(text))
        yield from (span for span in lines if _is_json(text[slice(*span)]))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
