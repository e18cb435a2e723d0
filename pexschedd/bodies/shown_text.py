"""The text that a body shows, without white space, and the source of each character.

The finder's view of a body (`visible_text`, `tags`) that can be led back to the source:
what is found in it can be cut out there.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# The finder's own patterns: what it sees is what is shown here.
from pexschedd.bodies.tags import LOOKALIKES, NOTHING
from pexschedd.bodies.visible_text import REFERENCE, resolve_references


class TextSpan(NamedTuple):
    """Of visible characters without white space, or of the source."""

    start: int
    end: int


def compact(text: str) -> str:
    """`text` as tags are looked for in it: all that is ink, plainly punctuated."""
    return NOTHING.sub("", text).translate(LOOKALIKES)


_STEP = re.compile(f"{NOTHING.pattern}|({REFERENCE.pattern})", re.IGNORECASE)


class ShownText:
    """The visible text of some parts of a source, without white space.

    It is kept as runs. Those of plain characters have the length of their source, the
    others are what a character reference stands for, and belong together.
    """

    def __init__(self, source: str, parts: Sequence[tuple[int, int]]) -> None:
        self.before = [0]
        """The number of characters shown before each part, and before the end."""
        self._texts: list[str] = []
        self._length = 0
        self._starts: list[int] = []  # of the runs, among the visible characters
        self._sources: list[tuple[int, int]] = []  # start, and length if a reference
        for start, end in parts:
            self._read(source, start, end)
            self.before.append(self._length)
        self.text = "".join(self._texts).translate(LOOKALIKES)

    def _read(self, source: str, position: int, end: int) -> None:
        for match in _STEP.finditer(source, position, end):
            self._add(source[position : match.start()], position, 0)
            position = match.end()
            if match[1]:
                self._add_reference(match[1], match.start())
        self._add(source[position:end], position, 0)

    def _add_reference(self, written: str, position: int) -> None:
        text = resolve_references(written)
        # Of "&copyright" only "&copy" is one: what follows it stands for itself.
        plain = 0
        while plain < len(text) - 1 and text[-1 - plain] == written[-1 - plain]:
            plain += 1
        size = len(written) - plain
        self._add(NOTHING.sub("", text[: len(text) - plain]), position, size)
        self._add(written[size:], position + size, 0)

    def _add(self, text: str, position: int, reference: int) -> None:
        if text:
            self._texts.append(text)
            self._starts.append(self._length)
            self._sources.append((position, reference))
            self._length += len(text)

    def source(self, span: TextSpan) -> TextSpan:
        """Return the place of these characters in the source; all of a reference's, or
        nothing."""
        run = bisect_right(self._starts, span.start) - 1
        position, reference = self._sources[run]
        start = position if reference else position + span.start - self._starts[run]
        run = bisect_right(self._starts, span.end - 1) - 1
        position, reference = self._sources[run]
        end = position + (reference or span.end - self._starts[run])
        return TextSpan(start, end)


def gaps(spans: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Return the gaps before, between and after `spans` in something of this length."""
    edges = [(0, 0), *spans, (length, length)]
    return [(before[1], after[0]) for before, after in pairwise(edges)]
