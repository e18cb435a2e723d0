"""Views of a text in which escapes are resolved, each with the way back to the text.

What is looked for in all views of a text need not be looked for in each way to write
it: `\\"`, `\\u0022`, `%22`, `%2522` and `&quot;` are all a quotation mark in one of
them. The bytes of percent-encoded and of escaped bytes become one character each, so
that a text is found there as its UTF-8 bytes are read as Latin-1. Pure.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from html import unescape

ROUNDS = 5
"""Times that a text may have been encoded, each time as a whole."""

_ESCAPE = re.compile(
    r"\\(?:u(?P<unit>[0-9A-Fa-f]{4})|x(?P<byte>[0-9A-Fa-f]{2})|(?P<plain>[^\n]))"
    r"|%(?P<percent>[0-9A-Fa-f]{2})"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
)
"""An escape of JSON, of strings in programs, of URLs, or of XML."""

_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "0": "\0"}

_SEPARATED = re.compile(
    r"[ :-](?<=[0-9A-Fa-f]{2}.)(?:[0-9A-Fa-f]{2}[ :-](?=[0-9A-Fa-f]{2})){2,}+"
)
"""The separators, and what is between them, of bytes in hexadecimal; more than a date
or a time has."""
_SEPARATOR = re.compile("[ :-]")

_LINE_END = re.compile(r"[\r\n](?<=[\w+/-]{40}[\r\n])\n?[ \t]{0,20}+(?=[\w+/-])")
"""The end of a long line of base64, as in mails."""

_Change = tuple[int, int, str]
"""The start and the end of a piece of text, and what stands for it."""


class DecodedText:
    """One view of a text; without an outer one it is the text itself."""

    def __init__(self, text: str, outer: "DecodedText | None" = None) -> None:
        self.text = text
        self._outer = outer
        self._ends = [0]
        self._shifts = [0]
        """By how much what follows is further on in the outer view, by its start."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original text of what is at a place in this view."""
        view: DecodedText | None = self
        while view is not None:
            start += view._shifts[bisect_right(view._ends, start) - 1]
            end += view._shifts[bisect_right(view._ends, end) - 1]
            view = view._outer
        return start, end

    def changed(self, changes: Iterable[_Change]) -> "DecodedText":
        """Return a further view; this one if there is nothing to change."""
        parts, length, end = [], 0, 0
        view = DecodedText("", self)
        for start, stop, new in changes:
            parts += [self.text[end:start], new]
            length += start - end + len(new)
            end = stop
            view._ends.append(length)
            view._shifts.append(end - length)
        view.text = "".join([*parts, self.text[end:]])
        return view if end else self


def decoded_views(text: str) -> list[DecodedText]:
    """Return the text, what it is with escapes resolved, with those resolved that were
    within these, and so on."""
    views = [DecodedText(text)]
    for _ in range(ROUNDS):
        view = views[-1].changed(_escapes(views[-1].text))
        if view is views[-1]:
            break
        views.append(view)
    return views


def joined(view: DecodedText) -> DecodedText:
    """Return the view without the separators within encoded bytes."""
    spans = (
        separator.span()
        for found in _SEPARATED.finditer(view.text)
        for separator in _SEPARATOR.finditer(view.text, *found.span())
    )
    view = view.changed((*span, "") for span in spans)
    ends = _LINE_END.finditer(view.text)
    return view.changed((*found.span(), "") for found in ends)


def decoded(text: str) -> str:
    """Return a text as it is in its last view."""
    return decoded_views(text)[-1].text


def _escapes(text: str) -> Iterator[_Change]:
    for found in _ESCAPE.finditer(text):
        code = found["unit"] or found["byte"] or found["percent"]
        plain = found["plain"]
        if code is not None:
            new = chr(int(code, 16))
        elif plain is not None:
            new = _CONTROLS.get(plain, plain)
        else:
            new = unescape(found[0])
        if len(new) == 1:
            yield found.start(), found.end(), new


def lower_case(text: str) -> str:
    """Return the text in lower case, as long as it was: only one letter has two."""
    return text.replace("\u0130", "I").lower()
