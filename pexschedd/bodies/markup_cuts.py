"""Cuts text out of HTML and keeps the elements whole.

An element that held nothing but what is cut out disappears with both its tags; one
that holds more stays with both. Comments and all else stay as they are.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from pexschedd.bodies.shown_text import ShownText, TextSpan

# The finder's own division of a source into texts and markup.
from pexschedd.bodies.visible_text import MARKUP, NOT_SHOWN, end_of_markup


class Piece(NamedTuple):
    """A piece of a document: a tag or a run of text, with its place in the source."""

    start: int
    end: int
    name: str
    """Empty for text, "b" and "/b" for tags, "!" for comments and their like."""


_END_TAG = re.compile(r"</([a-z][a-z0-9:_-]{0,30})", re.IGNORECASE)


def pieces_of(source: str) -> list[Piece]:
    """All of `source`, divided as `visible_text` does; texts and markup in order."""
    found = []
    position = 0
    while (match := MARKUP.search(source, position)) is not None:
        end = end_of_markup(source, match)
        if end is None:
            break
        start = match.start()
        if start > position:
            found.append(Piece(position, start, ""))
        if match["name"]:
            name = match["name"].lower()
        elif closing := _END_TAG.match(source, start):
            name = "/" + closing[1].lower()
        else:
            name = "!"
        found.append(Piece(start, end, name))
        position = end
    found.append(Piece(position, len(source), ""))
    return found


_WRAPS_TEXT = frozenset(
    "a abbr b big center code div em font h1 h2 h3 h4 h5 h6 i o:p p pre s samp small "  # noqa: SIM905 - so many are read as words
    "span strike strong sub sup tt u".split()
)
"""Elements that are there for the text in them; any other is something by itself."""
_PARAGRAPHS = _WRAPS_TEXT & {"center", "div", "p", "pre"}
"""Empty ones are lines that somebody has left free on purpose."""
_BREAKS = frozenset({"br", "wbr"})
_ALONE = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta "  # noqa: SIM905 - as above
    "param source track wbr".split()
)
"""Elements that have no end tag."""


def _pairs(pieces: Sequence[Piece]) -> dict[int, int]:
    """From the index of each start tag that has an end tag to the index of that."""
    pairs = {}
    waiting: list[tuple[str, int]] = []
    open_now: dict[str, int] = {}
    for index, (_, _, name) in enumerate(pieces):
        if name[:1] == "/":
            # So nobody looks in vain: each start tag is taken away once, at most.
            while open_now.get(name[1:]):
                opened, start = waiting.pop()
                open_now[opened] -= 1
                if opened == name[1:]:
                    pairs[start] = index
                    break
        elif name not in ("", "!") and name not in _ALONE and name not in NOT_SHOWN:
            waiting.append((name, index))
            open_now[name] = open_now.get(name, 0) + 1
    return pairs


class Cutting:
    """The choice of pieces that go when some of the text goes."""

    def __init__(
        self, pieces: Sequence[Piece], shown: ShownText, cuts: Sequence[TextSpan]
    ) -> None:
        self._pieces = pieces
        self._ranges = [shown.source(cut) for cut in cuts]
        self._starts = [of.start for of in self._ranges]
        self._pairs = _pairs(pieces)
        self._count(shown, cuts)
        self._elements = {
            start: end for start, end in self._pairs.items() if self._goes(start, end)
        }
        self._paired = {*self._pairs, *self._pairs.values()}

    def _count(self, shown: ShownText, cuts: Sequence[TextSpan]) -> None:
        """Count how much goes, and how much stays, before each piece."""
        going, staying = [0], [0]
        cut = part = 0
        for piece in self._pieces:
            gone = stays = 0
            if not piece.name:
                start, end = shown.before[part], shown.before[part + 1]
                part += 1
                while cut < len(cuts) and cuts[cut].start < end:
                    gone += min(end, cuts[cut].end) - max(start, cuts[cut].start)
                    if cuts[cut].end > end:
                        break
                    cut += 1
                stays = end - start - gone
            elif piece.name[0] not in "!/":
                stays = not (piece.name in _WRAPS_TEXT or piece.name in _BREAKS)
            going.append(gone)
            staying.append(stays)
        self._going = list(accumulate(going))
        for start, end in self._pairs.items():
            name = self._pieces[start].name
            if name in _PARAGRAPHS and not self._is_affected(start, end):
                staying[start + 1] = 1
        self._staying = list(accumulate(staying))

    def _goes(self, start: int, end: int) -> bool:
        return (
            self._pieces[start].name in _WRAPS_TEXT
            and self._staying[start] == self._staying[end + 1]
            and self._is_affected(start, end)
        )

    def _is_affected(self, start: int, end: int) -> bool:
        """Return whether the element holds some of what goes, or is among it."""
        if self._going[start] != self._going[end + 1]:
            return True
        return self._within(start) >= 0 and self._within(start) == self._within(end)

    def _within(self, index: int) -> int:
        """The number of the range that this piece is in; -1 if in none."""
        piece = self._pieces[index]
        number = bisect_right(self._starts, piece.start) - 1
        inside = number >= 0 and piece.end <= self._ranges[number].end
        return number if inside else -1

    def _leaves(self, index: int, inside: bool) -> bool:
        """Return whether a tag goes; `inside` an element that does."""
        name = self._pieces[index].name
        if name == "!":
            return False
        if name in _BREAKS:
            return inside or self._within(index) >= 0
        return inside and index in self._paired  # A tag without a partner stays.

    def result(self, source: str, place: int, inserted: str) -> str:
        """The source without what goes, and with `inserted` at `place`: where one of
        the cuts begins, or 0. It goes before an element that goes with that cut."""
        out = _Writer()
        last = -1  # the last piece of the element that is being left out
        number = 0  # of the range that comes next
        for index, (position, end, name) in enumerate(self._pieces):
            if index > last and index in self._elements:
                last = self._elements[index]
                if place < self._pieces[last].end:
                    out.add(inserted)
                    inserted = ""
            inside = index <= last
            if self._leaves(index, inside) if name else inside:
                out.left_out = True
                continue
            while (
                not name
                and number < len(self._ranges)
                and self._ranges[number].start < end
            ):
                gone = self._ranges[number]
                out.add(source[position : gone.start])
                if place <= gone.start:
                    out.add(inserted)
                    inserted = ""
                out.left_out = True
                position = max(position, min(end, gone.end))
                if gone.end > end:
                    break
                number += 1
            out.add(source[position:end])
        return out.text()


class _Writer:
    """Puts pieces together so that two texts do not become markup by meeting."""

    _UNFINISHED = re.compile(r"(?:<[!/?]?|&#?x?[0-9a-z]*)\Z", re.IGNORECASE)
    _JOINT = "\u200b"
    """No one sees it, and the finder does not either."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self.left_out = False
        """Something that stood before what comes next is not there any more."""

    def add(self, text: str) -> None:
        if not text:
            return
        if self.left_out and self._out:
            if self._UNFINISHED.search(self._out[-1][-40:]):
                self._out.append(self._JOINT)
            self.left_out = False
        self._out.append(text)

    def text(self) -> str:
        return "".join(self._out)
